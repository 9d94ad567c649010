"""What an image is."""

from typing import Any, Final, TypeAlias

import numpy as np
from PIL import Image

from lightning_regkit._checks import message

__all__ = ["Pixels", "as_pixels", "check_rgb"]

Pixels: TypeAlias = np.ndarray[Any, np.dtype[Any]]

RGB: Final = 3
DTYPES: Final = (np.uint8, np.float32)
#: A resized image may leave [0, 1] by rounding; a normalized one, or one up to 255, leaves it by more.
SLACK: Final = 0.01


def as_pixels(owner: str, image: object) -> Pixels:
    """Return an array as it is, a PIL image as (H, W) if it is gray, else as (H, W, 3); or raise ``TypeError``.

    Args:
        owner: Public name of what the user called.
        image: What a data set returned.

    Example:
        >>> as_pixels("Keyed", Image.new("CMYK", (4, 2))).shape
        (2, 4, 3)
    """
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, Image.Image):
        return np.array(image if image.mode in {"L", "RGB"} else image.convert("RGB"))  # a copy, so it can be written
    remedy = "Convert tensors to arrays after the augmentation, not before it."
    raise TypeError(message(owner, "image", "be an array (H, W, C) or a PIL image", type(image).__name__, remedy))


def check_rgb(owner: str, image: Pixels) -> Pixels:
    """Return ``image`` if it is (H, W, 3), of uint8 or of floats in [0, 1], else raise ``TypeError`` or ``ValueError``.

    Args:
        owner: Public name of what the user called.
        image: The pixels.

    Example:
        >>> check_rgb("Lighting", np.zeros((1, 2, 3), dtype=np.uint8)).shape
        (1, 2, 3)
    """
    if image.ndim != RGB or image.shape[2] != RGB:
        remedy = "Convert gray images first, for example with cv2.COLOR_GRAY2RGB."
        raise ValueError(message(owner, "image", "be RGB, (H, W, 3)", image.shape, remedy))
    if image.dtype not in DTYPES:
        raise TypeError(message(owner, "image", "be uint8 or float32", str(image.dtype)))
    if image.dtype == np.float32 and image.size:
        low, high = float(image.min()), float(image.max())
        if not (low >= -SLACK and high <= 1 + SLACK):
            remedy = "Divide by 255, and normalize afterwards."
            raise ValueError(message(owner, "floating image", "be in [0, 1]", (low, high), remedy))
    return image
