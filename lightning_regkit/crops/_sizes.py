"""Sizes in whole pixels."""

from collections.abc import Sequence
from typing import Final

from lightning_regkit import _boxes
from lightning_regkit._checks import message, positive_int

__all__ = ["refuse_cropped", "resized_sizes", "shorter_side_to"]

REMEDY: Final = "Pass a list of shorter sides, such as [256]; an empty one leaves images as they are."


def shorter_side_to(height: int, width: int, resize_px: int) -> tuple[int, int]:
    """Size of an image whose shorter side becomes ``resize_px``, its shape kept.

    Args:
        height: H in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: New shorter side in pixels, >= 1.

    Returns:
        (height, width), the longer one rounded down as torchvision does.

    Raises:
        TypeError: An argument is no integer.
        ValueError: An argument is below 1.

    Example:
        >>> shorter_side_to(375, 500, 256)
        (256, 341)
    """
    for name, value in (("height", height), ("width", width), ("resize_px", resize_px)):
        positive_int("crops", name, value)
    return _boxes.shorter_side_to(height, width, resize_px)


def resized_sizes(height: int, width: int, resize_px: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Sizes of one image at several scales.

    Args:
        height: H in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter sides in pixels; empty for the image as it is.

    Returns:
        One (height, width) for every scale, at least one.

    Raises:
        TypeError: ``resize_px`` is no sequence of integers, or a side no integer.
        ValueError: A number is below 1.

    Example:
        >>> resized_sizes(375, 500, [224, 256]), resized_sizes(375, 500, [])
        (((224, 298), (256, 341)), ((375, 500),))
    """
    _check_sequence(resize_px)
    return tuple(shorter_side_to(height, width, side) for side in resize_px) or (
        (positive_int("crops", "height", height), positive_int("crops", "width", width)),
    )


def refuse_cropped(owner: str, height: int, width: int, crop_px: int) -> None:
    """Refuse images that leave nothing to choose crops from: already cut to ``crop_px``, or smaller.

    Args:
        owner: Public name of what the user called.
        height: H of the images as they reach the model, in pixels.
        width: W in pixels.
        crop_px: Side of the crops in pixels.

    Raises:
        ValueError: The images are ``crop_px`` square, or a side is shorter than that.

    Example:
        >>> refuse_cropped("MultiCrop", 375, 500, 224)
    """
    if min(height, width) < crop_px or (height, width) == (crop_px, crop_px):
        condition = f"be larger than the crops of {crop_px} x {crop_px}"
        remedy = "Take the center crop out of the validation transform, or pass allow_upscale=True."
        raise ValueError(message(owner, "images", condition, (height, width), remedy))


def _check_sequence(resize_px: object) -> None:
    if not isinstance(resize_px, Sequence) or isinstance(resize_px, str):
        raise TypeError(message("crops", "resize_px", "be a list of integers", resize_px, REMEDY))
