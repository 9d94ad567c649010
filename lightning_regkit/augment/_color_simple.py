"""Other brightness and contrast."""

from typing import Final

from lightning_regkit._checks import fraction
from lightning_regkit.augment._albumentations import albumentations as A

__all__ = ["color_simple"]

COLOR: Final = "augment.color_simple"


def color_simple(*, brightness_frac: float = 0.4, contrast_frac: float = 0.4) -> A.Compose:
    """Change brightness and contrast, in random order.

    A factor is uniform in [1 - b, 1 + b]. Brightness multiplies the colors by it; contrast multiplies their
    distance from the mean gray.

    Args:
        brightness_frac: b of brightness, in [0, 1].
        contrast_frac: b of contrast, in [0, 1].

    Returns:
        A policy for images of one or three channels, the law of torchvision's ``ColorJitter``.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is outside [0, 1].

    Example:
        >>> import numpy as np
        >>> gray = np.full((1, 1), 100, dtype=np.uint8)
        >>> 60 <= color_simple(contrast_frac=0.0)(image=gray)["image"].item() <= 140
        True

    Reference:
        Howard, "Some Improvements on Deep Convolutional Neural Network Based Image Classification", 2013.

    Differs from the paper:
        Without its saturation; the range is that of ``fb.resnet.torch``.
    """
    ranges = {
        name.removesuffix("_frac"): (1 - fraction(COLOR, name, value), 1 + value)
        for name, value in (("brightness_frac", brightness_frac), ("contrast_frac", contrast_frac))
    }
    return A.Compose([A.ColorJitter(**ranges, saturation=(1.0, 1.0), hue=(0.0, 0.0), p=1.0)])
