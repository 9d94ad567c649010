"""What images go through at test."""

from typing import Final

from lightning_regkit._checks import positive_int
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._crops import CenterCrop, Shrink
from lightning_regkit.augment._scaled_box import check_crop

__all__ = ["eval_center", "eval_multiscale"]

CENTER: Final = "augment.eval_center"


def eval_center(crop_px: int = 224, *, resize_px: int = 256) -> A.Compose:
    """Resize the shorter side, cut the center: the usual single crop at test.

    Args:
        crop_px: Side of the square in pixels, from 1 to ``resize_px``.
        resize_px: Shorter side after resizing, in pixels.

    Returns:
        A policy without randomness, equal to torchvision's ``Resize`` and ``CenterCrop`` of tensors.

    Raises:
        TypeError: A number is no integer.
        ValueError: A number is below 1, or the crop does not fit.

    Example:
        >>> import numpy as np
        >>> eval_center()(image=np.zeros((375, 500, 3), dtype=np.uint8))["image"].shape
        (224, 224, 3)
    """
    check_crop(CENTER, crop_px, positive_int(CENTER, "resize_px", resize_px))
    return A.Compose([CenterCrop(resize_px, crop_px)])


def eval_multiscale(*, resize_px: int = 640) -> A.Compose:
    """Leave images whole, for ``MultiCrop``, which resizes and cuts itself: what is resized twice is blurred twice.

    Args:
        resize_px: An image whose shorter side is longer than this is brought to it: the largest scale of the test.

    Returns:
        A policy without randomness, whose images differ in size: test with a batch size of 1, or collate lists.

    Raises:
        TypeError: ``resize_px`` is no integer.
        ValueError: ``resize_px`` is below 1.

    Example:
        >>> import numpy as np
        >>> shapes = ((375, 500), (960, 1280))
        >>> [eval_multiscale()(image=np.zeros(shape, dtype=np.uint8))["image"].shape for shape in shapes]
        [(375, 500), (640, 853)]
    """
    return A.Compose([Shrink(positive_int("augment.eval_multiscale", "resize_px", resize_px))])
