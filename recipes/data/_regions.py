"""Crops of encoded images: the part that is wanted is cut out before it is resized."""

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
from PIL import Image

from recipes.data._jpeg import FACTORS, Pixels

if TYPE_CHECKING:
    from recipes.data._decode import Encoded

__all__ = ["Region", "exact_crop", "fast_crop"]

#: Top, left, height and width in pixels of the image, fractions among them.
Region: TypeAlias = tuple[float, float, float, float]

#: From here on bilinear sampling skips pixels.
HALF: Final = 2


def fast_crop(image: "Encoded", region: Region, side_px: int) -> Pixels:
    """Cut a region out, rounded to pixels, and resize it once.

    Decoding stops below the region, and shrinks by 2, 4 or 8 where the region is that much larger than the crop.
    What is left is bilinear, without antialiasing: it shrinks by less than 2.

    Args:
        image: The file.
        region: Part of the image, inside it.
        side_px: Side of the crop, >= 1.

    Returns:
        A new array (side, side, 3).

    Raises:
        BrokenImageError: The file is no whole image.
    """
    top, left, height, width = region
    image_height, image_width = image.size_px
    wanted = max(factor for factor in FACTORS if factor == 1 or factor * side_px <= min(height, width))
    pixels, factor = image.upper(min(image_height, math.ceil(top + height)), wanted)
    rows = _span(top / factor, height / factor, -(-image_height // factor))
    columns = _span(left / factor, width / factor, -(-image_width // factor))
    part = pixels[rows, columns]
    shrinks = min(part.shape[:2]) >= HALF * side_px
    resized: Pixels = cv2.resize(  # type: ignore[assignment]  # it never says of what type
        part, (side_px, side_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized


def exact_crop(image: "Encoded", region: Region, side_px: int) -> Pixels:
    """Resize the whole image, antialiased and bilinear, and cut: what torchvision does to images of Pillow.

    Only the pixels of the region are computed. A few are rounded to another level of 255, or the next but one: Pillow
    keeps the place in single precision.

    Args:
        image: The file.
        region: Part of the image, inside it.
        side_px: Side of the crop, >= 1.

    Returns:
        A new array (side, side, 3).

    Raises:
        BrokenImageError: The file is no whole image.
    """
    top, left, height, width = region
    image_height, image_width = image.size_px
    box = left, top, min(left + width, image_width), min(top + height, image_height)
    whole = Image.fromarray(image.whole())
    return np.array(whole.resize((side_px, side_px), Image.Resampling.BILINEAR, box=box))


def _span(start: float, length: float, limit: int) -> slice:
    """Round to whole pixels below ``limit``, at least one."""
    first = min(round(start), limit - 1)
    return slice(first, max(first + 1, min(round(start + length), limit)))
