"""Random mixtures of distortions."""

from typing import Final

import cv2

from lightning_regkit._checks import fraction, message, non_negative_float
from lightning_regkit.augment._albumentations import albumentations as A

__all__ = ["creative"]

OWNER: Final = "augment.creative"
RIGHT_ANGLE_DEG: Final = 90
LENS: Final = 0.3
COLOR_SHIFT: Final = (0.01, 0.05)
INTENSITY: Final = (0.1, 0.5)
BORDER: Final = cv2.BORDER_REFLECT_101


def creative(
    *,
    shift_frac: float = 0.1,
    rotate_deg: float = 15.0,
    stretch_frac: float = 0.2,
    shear_deg: float = 10.0,
    probability: float = 0.5,
) -> A.Compose:
    """Shift, rotate, stretch and shear at once; bend as a lens does; add the noise of a sensor.

    Each of the three happens with ``probability``, independently. Sizes stay; what comes from outside the image is
    its reflection. All amounts are uniform, both signs alike: the shift along each axis, in whole pixels, the rotation,
    the factor of each axis about 1, the shear along each axis. Behind the lens, the place at r half diagonals from the
    center shows what was at r (1 + k r²), k uniform in [-0.3, 0.3].

    Args:
        shift_frac: Largest shift as a share of the side, in [0, 1].
        rotate_deg: Largest rotation in degrees, >= 0.
        stretch_frac: Largest change of width and height, each, in [0, 1).
        shear_deg: Largest shear in degrees, in [0, 90).
        probability: Share of the images that each of the three changes.

    Returns:
        A policy for RGB images.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of range.

    Example:
        >>> import numpy as np
        >>> creative()(image=np.zeros((30, 40, 3), dtype=np.uint8))["image"].shape
        (30, 40, 3)

    Reference:
        Stanford CS231n, 2017, lecture "Training Neural Networks, Part II": "Get creative for your problem!"

    Differs from the paper:
        The lecture gives no amounts. Sensor noise is albumentations' ``ISONoise``, which only brightens.
    """
    fraction(OWNER, "probability", probability)
    lens = A.OpticalDistortion(distort_limit=LENS, mode="fisheye", border_mode=BORDER, p=probability)
    noise = A.ISONoise(color_shift=COLOR_SHIFT, intensity=INTENSITY, p=probability)
    affine = A.Affine(
        translate_percent=_both_axes(fraction(OWNER, "shift_frac", shift_frac)),
        rotate=(-non_negative_float(OWNER, "rotate_deg", rotate_deg), rotate_deg),
        scale=_both_axes(_below("stretch_frac", stretch_frac, 1), about=1.0),
        shear=_both_axes(_below("shear_deg", shear_deg, RIGHT_ANGLE_DEG)),
        border_mode=BORDER,
        p=probability,
    )
    return A.Compose([affine, lens, noise])


def _both_axes(amount: float, about: float = 0.0) -> dict[str, float | tuple[float, float]]:
    return dict.fromkeys(("x", "y"), (about - amount, about + amount))


def _below(argument: str, value: float, limit: int) -> float:
    if non_negative_float(OWNER, argument, value) >= limit:
        raise ValueError(message(OWNER, argument, f"be below {limit}", value))
    return value
