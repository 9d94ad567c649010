"""Batch mixing: randomness is drawn on the CPU, then applied on the device without waiting for it.

Mixup: :func:`draw_mixup`, :func:`apply_mixup`, :class:`MixupDraw`, :func:`check_alpha`.
Cutout: :func:`draw_cutout`, :func:`apply_cutout`, :class:`CutoutDraw`, :func:`length_px`, :func:`check_length_frac`.
Targets: :func:`mix_targets`, :class:`MixedTarget`, :func:`mixed_cross_entropy`, :class:`CrossEntropyOptions`.
"""

from lightning_regkit.mixing._cutout import CutoutDraw, apply_cutout, draw_cutout
from lightning_regkit.mixing._length import check_length_frac, length_px
from lightning_regkit.mixing._losses import CrossEntropyOptions, mixed_cross_entropy
from lightning_regkit.mixing._mix_targets import mix_targets
from lightning_regkit.mixing._mixup import MixupDraw, apply_mixup, check_alpha, draw_mixup
from lightning_regkit.mixing._targets import MixedTarget

__all__ = [
    "CrossEntropyOptions",
    "CutoutDraw",
    "MixedTarget",
    "MixupDraw",
    "apply_cutout",
    "apply_mixup",
    "check_alpha",
    "check_length_frac",
    "draw_cutout",
    "draw_mixup",
    "length_px",
    "mix_targets",
    "mixed_cross_entropy",
]
