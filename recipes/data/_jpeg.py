"""JPEG files by libjpeg-turbo: no more rows than are wanted, halved as often as is wanted."""

import struct
from typing import Any, Final, TypeAlias

import numpy as np
import simplejpeg

__all__ = ["FACTORS", "Pixels", "first_rows", "is_jpeg"]

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

#: By which decoding may shrink. Others of the eight that libjpeg has are slower than none: they have no fast code.
FACTORS: Final = (1, 2, 4, 8)
#: Rows below a row that its colors depend on, where they are stored at half the height.
MARGIN: Final = 2
START: Final = b"\xff\xd8\xff"
#: What is said where the file goes on after the last row: rows that were cut off, in all that is decoded here.
GOES_ON: Final = "extraneous bytes before marker 0xd9"
SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
OTHER_FRAMES: Final = frozenset({0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
RESTARTS: Final = 0xDD
SCAN: Final = 0xDA


def is_jpeg(data: bytes) -> bool:
    """Tell a JPEG file by its first bytes, whatever its name."""
    return data.startswith(START)


def first_rows(data: bytes, size_px: tuple[int, int], bottom: int, factor: int) -> Pixels:
    """Decode the upper part of an image; what lies below costs nothing where the file allows it.

    The height in the file's header is lowered, so that the decoder stops there. That is done to sequential files of one
    scan without restart markers; the others are decoded whole. Rows are the same bits either way.

    Args:
        data: The file: of RGB, YCbCr or gray pixels.
        size_px: (H, W) of the image.
        bottom: Rows of the image that are wanted, in [1, H].
        factor: One of ``FACTORS``: the image is that much smaller, as by means over squares of this side.

    Returns:
        At least ceil(bottom / factor) rows of ceil(W / factor) RGB pixels, (rows, columns, 3).

    Raises:
        ValueError: libjpeg-turbo complains of anything in what it decodes.

    Example:
        >>> white = np.full((40, 60, 3), 255, dtype=np.uint8)
        >>> rows = first_rows(simplejpeg.encode_jpeg(white), (40, 60), 5, 2)
        >>> len(rows) >= 3, rows.shape[1:], int(rows.min())
        (True, (30, 3), 255)
    """
    height, width = size_px
    kept = (-(-bottom // factor) + MARGIN) * factor
    lowered = _lowered(data, kept) if kept < height else None
    columns = -(-width // factor)
    if lowered is None:
        whole: Pixels = simplejpeg.decode_jpeg(
            data, min_height=-(-height // factor), min_width=columns, min_factor=factor
        )
        return whole
    rows = np.empty((kept // factor, columns, 3), dtype=np.uint8)
    try:
        simplejpeg.decode_jpeg(lowered, min_height=len(rows), min_width=columns, min_factor=factor, buffer=rows)
    except ValueError as error:  # at its first complaint, which is this one only after the last row
        if not str(error).endswith(GOES_ON):
            raise
    return rows


def _lowered(data: bytes, height: int) -> bytearray | None:
    """Return the file with another height in its header; None where it is not one scan from top to bottom."""
    position, frame, channels = len(START) - 1, 0, 0
    while position + 4 <= len(data) and data[position] == START[0]:
        marker, length = struct.unpack_from(">xBH", data, position)
        if marker in OTHER_FRAMES or marker == RESTARTS:
            return None
        if marker in SEQUENTIAL:
            frame, channels = position, data[position + 9]
        if marker == SCAN:
            is_only = frame and data[position + 4] == channels
            return _with_height(data, frame, height) if is_only else None
        position += 2 + length
    return None


def _with_height(data: bytes, frame: int, height: int) -> bytearray:
    lowered = bytearray(data)
    struct.pack_into(">H", lowered, frame + 5, height)
    return lowered
