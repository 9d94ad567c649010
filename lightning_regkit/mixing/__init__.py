"""Batch mixing: randomness is drawn on the CPU, then applied on the device without waiting for it.

Mixup: :func:`draw_mixup`, :func:`apply_mixup`, :class:`MixupDraw`, :func:`check_alpha`.
CutMix: :func:`draw_cutmix`, :func:`apply_cutmix`, :class:`CutMixDraw`, :func:`check_cutmix_alpha`.
Cutout: :func:`draw_cutout`, :func:`apply_cutout`, :class:`CutoutShape`, :func:`length_px`, :func:`check_length_frac`.
Random erasing: :func:`draw_random_erasing`, :func:`apply_random_erasing`, :class:`ErasingShape`; like cutout it
draws an :class:`ErasingDraw` and takes a color that :func:`check_fill` accepts.
Images that grow: :class:`SizeRamp`, :func:`resize_inputs`, :func:`check_initial_frac`.
Targets: :func:`mix_targets`, :class:`MixedTarget`, :func:`register_loss`, :func:`to_probabilities`,
:func:`effective_smoothing`, :class:`MixedAccuracy`, :func:`mixed_cross_entropy`, :class:`CrossEntropyOptions`.
``MixedAccuracy`` loads torchmetrics, which takes longer than torch itself, when it is first used.
"""

import importlib
import typing

from lightning_regkit.mixing._alpha import check_alpha, check_cutmix_alpha
from lightning_regkit.mixing._cutmix import CutMixDraw, apply_cutmix, draw_cutmix
from lightning_regkit.mixing._cutout import CutoutShape, apply_cutout, draw_cutout
from lightning_regkit.mixing._erasing import ErasingDraw, check_fill
from lightning_regkit.mixing._length import check_length_frac, length_px
from lightning_regkit.mixing._losses import CrossEntropyOptions, mixed_cross_entropy
from lightning_regkit.mixing._mix_targets import mix_targets
from lightning_regkit.mixing._mixup import MixupDraw, apply_mixup, draw_mixup
from lightning_regkit.mixing._probabilities import effective_smoothing, to_probabilities
from lightning_regkit.mixing._progressive_size import SizeRamp, check_initial_frac, resize_inputs
from lightning_regkit.mixing._random_erasing import ErasingShape, apply_random_erasing, draw_random_erasing
from lightning_regkit.mixing._register_loss import register_loss
from lightning_regkit.mixing._targets import MixedTarget

if typing.TYPE_CHECKING:
    from lightning_regkit.mixing._accuracy import MixedAccuracy

__all__ = [
    "CrossEntropyOptions",
    "CutMixDraw",
    "CutoutShape",
    "ErasingDraw",
    "ErasingShape",
    "MixedAccuracy",
    "MixedTarget",
    "MixupDraw",
    "SizeRamp",
    "apply_cutmix",
    "apply_cutout",
    "apply_mixup",
    "apply_random_erasing",
    "check_alpha",
    "check_cutmix_alpha",
    "check_fill",
    "check_initial_frac",
    "check_length_frac",
    "draw_cutmix",
    "draw_cutout",
    "draw_mixup",
    "draw_random_erasing",
    "effective_smoothing",
    "length_px",
    "mix_targets",
    "mixed_cross_entropy",
    "register_loss",
    "resize_inputs",
    "to_probabilities",
]


def __getattr__(name: str) -> object:
    if name != "MixedAccuracy":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = importlib.import_module(f"{__name__}._accuracy").MixedAccuracy
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
