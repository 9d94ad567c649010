"""A part of an image that has been resized, from whole-pixel geometry alone."""

from dataclasses import dataclass
from typing import final

from lightning_regkit._boxes import Box, shorter_side_to
from lightning_regkit._checks import message, positive_int

__all__ = ["ScaledBox", "centered", "check_crop", "shrunk"]


@final
@dataclass(frozen=True)
class ScaledBox:
    """A part of the resized image.

    Args:
        image_px: (H, W) of the image as it is, in pixels.
        resized_px: (height, width) that the whole image is resized to, in pixels.
        box: Part of the resized image, inside it.

    Example:
        >>> ScaledBox(image_px=(100, 200), resized_px=(50, 100), box=Box(10, 20, 30, 30)).source
        (20.0, 40.0, 60.0, 60.0)
    """

    image_px: tuple[int, int]
    resized_px: tuple[int, int]
    box: Box

    @property
    def source(self) -> tuple[float, float, float, float]:
        """The same part in pixels of the image as it is, fractions among them: top, left, height, width."""
        down, right = (before / after for before, after in zip(self.image_px, self.resized_px, strict=True))
        return self.box.top * down, self.box.left * right, self.box.height * down, self.box.width * right


def centered(height: int, width: int, *, resize_px: int, crop_px: int) -> ScaledBox:
    """The square in the center of an image whose shorter side is resized; offsets are rounded half to even.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter side after resizing, in pixels.
        crop_px: Side of the square in pixels, at most ``resize_px``.

    Returns:
        The geometry of torchvision's ``Resize`` and ``CenterCrop``.

    Example:
        >>> centered(375, 500, resize_px=256, crop_px=224).box
        Box(top=16, left=58, height=224, width=224)
    """
    resized = shorter_side_to(height, width, resize_px)
    top, left = (round((length - crop_px) / 2) for length in resized)
    return ScaledBox((height, width), resized, Box(top, left, crop_px, crop_px))


def shrunk(height: int, width: int, *, resize_px: int) -> ScaledBox:
    """The whole image, its shorter side brought to ``resize_px`` if it is longer than that.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Longest shorter side in pixels.

    Example:
        >>> shrunk(1200, 1600, resize_px=640).resized_px, shrunk(375, 500, resize_px=640).resized_px
        ((640, 853), (375, 500))
    """
    is_larger = min(height, width) > resize_px
    resized = shorter_side_to(height, width, resize_px) if is_larger else (height, width)
    return ScaledBox((height, width), resized, Box(0, 0, *resized))


def check_crop(owner: str, crop_px: object, resize_px: int) -> int:
    """Return the side of a crop if it fits into an image whose shorter side is ``resize_px``, else raise."""
    side = positive_int(owner, "crop_px", crop_px)
    if side > resize_px:
        raise ValueError(message(owner, "crop_px", f"be at most the shorter side after resizing, {resize_px}", crop_px))
    return side
