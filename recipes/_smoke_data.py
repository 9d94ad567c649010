"""Generated images in the layout of the real ones, for ``smoke``."""

import gzip
import pickle
import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from recipes.data import _cifar_files
from recipes.data._fashion_files import FILES, NUM_TRAIN
from recipes.data._idx import SIDE_PX, UNSIGNED_BYTE

__all__ = ["FOLDER_CLASSES", "GENERATED", "TRAIN_FILES", "write_cifar", "write_fashion_mnist", "write_image_folder"]

FOLDER_CLASSES: Final = 4
TRAIN_FILES: Final = 128
VAL_FILES: Final = 16
#: Width and height of the commonest image of ImageNet; it is made from so many random colors.
PHOTO_PX: Final = (500, 375)
COLORS: Final = (5, 4)
#: Different images; the others repeat them.
DIFFERENT: Final = 16
DIFFERENT_ROWS: Final = 100
PROTOCOL: Final = 4  # the newest in which NumPy writes what the restricted reader allows
NUM_TEST: Final = 10_000


def write_image_folder(root: Path, _arguments: Mapping[str, Any]) -> str:
    """Write ``train/<class>/*.JPEG`` and ``val/<class>/*.JPEG``, named as those of ImageNet.

    Args:
        root: A folder.

    Returns:
        What was written, in words.
    """
    encoded = [_jpeg(number) for number in range(DIFFERENT)]
    for part, count in (("train", TRAIN_FILES), ("val", VAL_FILES)):
        for number in range(count):
            name = f"n{number % FOLDER_CLASSES:08}"
            folder = root / part / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}_{number}.JPEG").write_bytes(encoded[number % DIFFERENT])
    return f"{TRAIN_FILES} + {VAL_FILES} generated JPEG files in {FOLDER_CLASSES} classes"


def write_cifar(root: Path, arguments: Mapping[str, Any]) -> str:
    """Write the pickles of CIFAR-10 or CIFAR-100, with as many images as the real ones.

    Args:
        root: A folder.
        arguments: Of ``CIFARData``: ``num_classes``.

    Returns:
        What was written, in words.
    """
    num_classes = arguments.get("num_classes", 10)
    key = b"fine_labels" if num_classes == _cifar_files.FINE else b"labels"
    folder, _, names = _cifar_files.LAYOUTS.get(num_classes, _cifar_files.LAYOUTS[10])
    (root / folder).mkdir(parents=True)
    rows = np.random.default_rng(0).integers(0, 256, (DIFFERENT_ROWS, _cifar_files.PIXELS), dtype=np.uint8)
    for part, files in names.items():
        count = _cifar_files.NUM_IMAGES[part] // len(files)
        pixels, labels = np.resize(rows, (count, rows.shape[1])), [row % num_classes for row in range(count)]
        for name in files:
            (root / folder / name).write_bytes(pickle.dumps({b"data": pixels, key: labels}, protocol=PROTOCOL))
    return f"generated pickles of CIFAR-{num_classes}, with as many images as the real ones"


def write_fashion_mnist(root: Path, _arguments: Mapping[str, Any]) -> str:
    """Write the four idx files of Fashion-MNIST, with as many images as the real ones.

    Args:
        root: A folder.

    Returns:
        What was written, in words.
    """
    root.mkdir(parents=True, exist_ok=True)
    some = np.random.default_rng(0).integers(0, 256, (DIFFERENT_ROWS, SIDE_PX, SIDE_PX), dtype=np.uint8)
    for part, count in (("train", NUM_TRAIN), ("test", NUM_TEST)):
        images, labels = FILES[part]
        _write_idx(root / images, np.resize(some, (count, SIDE_PX, SIDE_PX)))
        _write_idx(root / labels, (np.arange(count) % 10).astype(np.uint8))
    return "generated idx files, with as many images as the real ones"


#: Data module -> what writes its layout. The others have their own data.
GENERATED: Final[dict[str, Callable[[Path, Mapping[str, Any]], str]]] = {
    "CIFARData": write_cifar,
    "FashionMNISTData": write_fashion_mnist,
    "ImageFolderData": write_image_folder,
}


def _jpeg(number: int) -> bytes:
    colors = np.random.default_rng(number).integers(0, 256, (*COLORS[::-1], 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(colors).resize(PHOTO_PX, Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()


def _write_idx(path: Path, values: "np.ndarray[Any, np.dtype[np.uint8]]") -> None:
    header = struct.pack(f">HBB{values.ndim}I", 0, UNSIGNED_BYTE, values.ndim, *values.shape)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header + values.tobytes())
