"""Files to pixels: libjpeg-turbo where it can, Pillow where it cannot, and one line where neither can."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from recipes.data._broken import broken
from recipes.data._jpeg import Pixels, first_rows, is_jpeg

__all__ = ["Encoded", "open_image"]

#: What libjpeg-turbo brings to RGB; CMYK is Pillow's.
TURBO: Final = frozenset({"Gray", "RGB", "YCbCr"})
#: Warnings of libjpeg after which pixels are made up.
LOST: Final = ("premature end of data segment", "bad Huffman code", "bad arithmetic code", "instead of RST")
FORMATS: Final = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
#: Pillow's modes of 8 bits at most: it cuts others off at white.
MODES: Final = frozenset({"1", "CMYK", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr"})


@final
@dataclass(frozen=True)
class Encoded:
    """An image that may wait to be decoded until it is known which part is wanted.

    Args:
        path: The file.
        data: Its bytes.
        size_px: (H, W).
        decoded: Its pixels (H, W, 3), where they had to be decoded to learn the size.
    """

    path: str
    data: bytes
    size_px: tuple[int, int]
    decoded: Pixels | None = None

    def upper(self, bottom: int, factor: int) -> tuple[Pixels, int]:
        """Decode the first rows.

        Args:
            bottom: Rows of the image that are wanted, in [1, H].
            factor: How much smaller they may be: 1, 2, 4 or 8.

        Returns:
            At least these rows, RGB, and how much smaller they are: by ``factor``, or not at all.

        Raises:
            BrokenImageError: The file is no whole image.
        """
        if self.decoded is None:
            try:
                return first_rows(self.data, self.size_px, bottom, factor), factor
            except ValueError:
                pass  # something is wrong with it: look at all of it
        return self.whole(), 1

    def whole(self) -> Pixels:
        """Decode all of it, RGB (H, W, 3), or raise ``BrokenImageError``."""
        if self.decoded is not None:
            return self.decoded
        try:
            pixels: Pixels = simplejpeg.decode_jpeg(self.data)
        except ValueError as error:
            if any(loss in str(error) for loss in LOST):
                raise broken(self.path, error) from error
            return _by_pillow(self.path, self.data)
        return pixels


def open_image(path: str) -> Encoded:
    """Read a file. What it holds is told by its bytes, not by its name; its EXIF orientation is ignored.

    Args:
        path: The file.

    Returns:
        The image, of any kind that torchvision and timm load: with them CMYK, gray and palettes become RGB.

    Raises:
        BrokenImageError: The file cannot be read, is empty or no image, or has pixels of more than 8 bits.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise broken(path, error.strerror or error) from error
    if not data:
        raise broken(path, "it is empty")
    if is_jpeg(data):
        try:
            height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
        except ValueError:
            colors = ""
        if colors in TURBO:
            return Encoded(path, data, (int(height), int(width)))
    pixels = _by_pillow(path, data)
    return Encoded(path, data, (pixels.shape[0], pixels.shape[1]), pixels)


def _by_pillow(path: str, data: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            mode, pixels = image.mode, np.array(image.convert("RGB"))  # a copy: what Pillow shares cannot be written
    except UnidentifiedImageError as error:
        raise broken(path, f"it is no image of {', '.join(FORMATS)}") from error
    except Exception as error:  # each of Pillow's formats raises what it likes
        raise broken(path, error) from error
    if mode not in MODES:
        raise broken(path, f"its pixels have more than 8 bits, mode {mode!r} of Pillow")
    return pixels
