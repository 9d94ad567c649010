"""Square crops at corners and center, from whole-pixel geometry alone."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from lightning_regkit._boxes import Box
from lightning_regkit._checks import message, positive_int
from lightning_regkit.crops._sizes import resized_sizes
from lightning_regkit.crops._view import View

__all__ = ["center", "five", "ten"]

CROP_PX: Final = 224
RESIZE_PX: Final = (256,)


def center(
    height: int, width: int, *, resize_px: Sequence[int] = RESIZE_PX, crop_px: int = CROP_PX
) -> tuple[View, ...]:
    """The center crop, at every scale.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter sides the image is resized to; empty for the image as it is.
        crop_px: Side of the square crop, from 1 to the shorter side after resizing.

    Returns:
        One view for every scale; offsets are rounded half to even, as torchvision's.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is below 1, or the crop is larger than the resized image.

    Example:
        >>> center(256, 256)[0].box
        Box(top=16, left=16, height=224, width=224)
    """
    sizes = _sizes("crops.center", (height, width), resize_px, crop_px)
    return tuple(View(size, _center(size, crop_px)) for size in sizes)


def five(height: int, width: int, *, resize_px: Sequence[int] = RESIZE_PX, crop_px: int = CROP_PX) -> tuple[View, ...]:
    """Four corners and the center, at every scale.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter sides the image is resized to; empty for the image as it is.
        crop_px: Side of the square crops, from 1 to the shorter side after resizing.

    Returns:
        Five views for every scale: top left, top right, bottom left, bottom right, center, as torchvision's.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is below 1, or the crop is larger than the resized image.

    Example:
        >>> [(view.box.top, view.box.left) for view in five(256, 256)]
        [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    """
    sizes = _sizes("crops.five", (height, width), resize_px, crop_px)
    return tuple(View(size, box) for size in sizes for box in _five(size, crop_px))


def ten(height: int, width: int, *, resize_px: Sequence[int] = RESIZE_PX, crop_px: int = CROP_PX) -> tuple[View, ...]:
    """Four corners, the center, and the same of the mirrored image, at every scale.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter sides the image is resized to; empty for the image as it is.
        crop_px: Side of the square crops, from 1 to the shorter side after resizing.

    Returns:
        Ten views for every scale: those of :func:`five`, then those that :func:`five` takes of the mirrored image.
        Views that coincide are all listed.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is below 1, or the crop is larger than the resized image.

    Example:
        >>> len(ten(375, 500)), len(set(ten(224, 224, resize_px=[])))
        (10, 2)

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, section 4.1.

    Differs from the paper:
        The corners are those of the whole resized image, as in torchvision; the paper takes those of its central
        256 x 256.
    """
    sizes = _sizes("crops.ten", (height, width), resize_px, crop_px)
    return tuple(chain.from_iterable(_ten(size, crop_px) for size in sizes))


def _sizes(owner: str, image: tuple[int, int], resize_px: Sequence[int], crop_px: int) -> tuple[tuple[int, int], ...]:
    positive_int(owner, "crop_px", crop_px)
    sizes = resized_sizes(*image, resize_px)
    shorter = min(map(min, sizes))
    if crop_px > shorter:
        condition = f"be at most the shorter side after resizing, {shorter}"
        raise ValueError(message(owner, "crop_px", condition, crop_px, "Raise resize_px."))
    return sizes


def _center(size: tuple[int, int], crop_px: int) -> Box:
    top, left = (round((side - crop_px) / 2) for side in size)
    return Box(top, left, crop_px, crop_px)


def _five(size: tuple[int, int], crop_px: int) -> tuple[Box, ...]:
    bottom, right = (side - crop_px for side in size)
    corners = ((0, 0), (0, right), (bottom, 0), (bottom, right))
    return (*(Box(top, left, crop_px, crop_px) for top, left in corners), _center(size, crop_px))


def _ten(size: tuple[int, int], crop_px: int) -> tuple[View, ...]:
    plain = _five(size, crop_px)
    # Column c of the mirrored image is column width - 1 - c: an odd margin rounds the two centers apart.
    across = (Box(box.top, size[1] - box.width - box.left, crop_px, crop_px) for box in plain)
    return (*(View(size, box) for box in plain), *(View(size, box, is_mirrored=True) for box in across))
