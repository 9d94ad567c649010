"""The files of MNIST and its successors: the idx format, gzipped."""

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

__all__ = ["Bytes", "read_idx", "read_labeled"]

Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

UNSIGNED_BYTE: Final = 0x08
SIDE_PX: Final = 28
NUM_CLASSES: Final = 10


def read_labeled(owner: str, images: Path, labels: Path) -> tuple[Bytes, Bytes]:
    """Read images of MNIST's kind and their labels.

    Args:
        owner: Name for messages.
        images: File of the images.
        labels: File of the labels.

    Returns:
        Images (N, 28, 28) and as many labels (N,) in 0, ..., 9; both uint8.

    Raises:
        ValueError: A file is not what it should be, or the two do not belong together.
    """
    pixels, classes = read_idx(owner, images, 3), read_idx(owner, labels, 1)
    if pixels.shape != (expected := (len(classes), SIDE_PX, SIDE_PX)):
        raise ValueError(
            f"{owner}: {images.name} must hold {expected} pixels for the labels in {labels.name}, got {pixels.shape}. "
            "Take both from one data set."
        )
    if np.any(classes >= NUM_CLASSES):
        raise ValueError(
            f"{owner}: {labels.name} must hold labels below {NUM_CLASSES}, got {classes.max()}. Get the file again."
        )
    return pixels, classes


def read_idx(owner: str, path: Path, num_dimensions: int) -> Bytes:
    """Read an array of bytes.

    A file is the magic number (0, 0, type, dimensions), each size as a big-endian 32-bit integer, then the values.

    Args:
        owner: Name for messages.
        path: A gzipped idx file.
        num_dimensions: Of the array that the file must hold: 3 for images, 1 for labels.

    Returns:
        The array, uint8, with the sizes that the file states.

    Raises:
        ValueError: The file is no whole gzip file, holds something else, or has more or fewer bytes than it states.
    """
    content = _unzipped(owner, path)
    magic = bytes([0, 0, UNSIGNED_BYTE, num_dimensions])
    if content[:4] != magic:
        raise ValueError(
            f"{owner}: {path.name} must begin with the magic number {list(magic)}, got {list(content[:4])}. "
            "Take the idx files as they were published."
        )
    start = 4 * (1 + num_dimensions)
    sizes = struct.unpack(f">{num_dimensions}I", content[4:start].ljust(start - 4, b"\0"))
    if (expected := int(np.prod(sizes, dtype=object))) != len(content) - start:
        raise ValueError(
            f"{owner}: {path.name} must hold {expected} bytes for the sizes {list(sizes)} that it states, "
            f"got {max(len(content) - start, 0)}. Get the file again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)


def _unzipped(owner: str, path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{owner}: {path.name} must be a whole gzip file, got {str(error)!r}. Get the file again."
        ) from None
