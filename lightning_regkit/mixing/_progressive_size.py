"""Training images that grow: how large they are at a step, and images of that size."""

import math
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor
from torch.nn import functional

from lightning_regkit._checks import fraction, message, non_negative_int, positive_int
from lightning_regkit.mixing._regions import IMAGE_NDIM, check_size_px
from lightning_regkit.mixing._tensors import check_floating

__all__ = ["SizeRamp", "check_initial_frac", "resize_inputs"]

RESIZE: Final = "mixing.resize_inputs"
#: What every device resizes; others are converted there and back.
RESIZED: Final = frozenset({torch.float32, torch.float64})


@final
@dataclass(frozen=True)
class SizeRamp:
    """Sides of training images as shares of the whole, which grow with the optimizer step.

    The share f(t) is ``initial_frac`` up to ``start_step``, 1 from ``end_step`` on, and linear between them. A side of
    L pixels is f(t) L then, rounded to the nearest multiple (a half up), at least one multiple and at most L.

    Args:
        initial_frac: Share of each side to begin with, in (0, 1).
        start_step: The last step with that share, >= 0.
        end_step: The first step with whole images, >= ``start_step``.
        multiple_px: Sides are multiples of so many pixels until they are whole, >= 1.

    Raises:
        TypeError: An argument is no number, or no integer.
        ValueError: An argument is out of range.

    Example:
        >>> ramp = SizeRamp(0.5, start_step=0, end_step=10, multiple_px=32)
        >>> [ramp.size_px(step, (224, 224))[0] for step in (0, 4, 8, 10, 99)]
        [128, 160, 192, 224, 224]

    Reference:
        Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021, section 4.2, algorithm 1.

    Differs from the paper:
        The size grows in each step, not in four stages, and no other regularization grows with it.
    """

    initial_frac: float
    start_step: int
    end_step: int
    multiple_px: int = 4

    def __post_init__(self) -> None:
        check_initial_frac("SizeRamp", self.initial_frac)
        non_negative_int("SizeRamp", "start_step", self.start_step)
        positive_int("SizeRamp", "multiple_px", self.multiple_px)
        if non_negative_int("SizeRamp", "end_step", self.end_step) < self.start_step:
            raise ValueError(
                message("SizeRamp", "end_step", f"be at least start_step, {self.start_step}", self.end_step)
            )

    def frac(self, step: int) -> float:
        """Return the share f(t) of each side, in (0, 1]; it never falls.

        Args:
            step: t, an optimizer step, >= 0.
        """
        if step >= self.end_step:
            return 1.0
        if step <= self.start_step:
            return self.initial_frac
        done = (step - self.start_step) / (self.end_step - self.start_step)
        return self.initial_frac + (1 - self.initial_frac) * done

    def size_px(self, step: int, size_px: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width of images in a step.

        Args:
            step: t, an optimizer step, >= 0.
            size_px: (H, W) of whole images.

        Returns:
            Neither is larger than those of whole images, nor smaller than in an earlier step.
        """
        height, width = check_size_px("SizeRamp.size_px", size_px)
        frac = self.frac(step)
        return self._side(frac, height), self._side(frac, width)

    def _side(self, frac: float, whole: int) -> int:
        if frac == 1:
            return whole
        multiples = math.floor(frac * whole / self.multiple_px + 0.5)
        return min(max(multiples, 1) * self.multiple_px, whole)


def check_initial_frac(owner: str, initial_frac: object) -> float:
    """Return a usable share of the sides to begin with, or refuse it.

    Args:
        owner: Public name of what the user called.
        initial_frac: Share, in (0, 1).

    Returns:
        ``initial_frac``.

    Raises:
        TypeError: ``initial_frac`` is no number.
        ValueError: ``initial_frac`` is outside (0, 1).

    Example:
        >>> check_initial_frac("ProgressiveSize", 0.5)
        0.5
    """
    number = fraction(owner, "initial_frac", initial_frac)
    if number in {0, 1}:
        remedy = "To begin with whole images, leave it out."
        raise ValueError(message(owner, "initial_frac", "be between 0 and 1", initial_frac, remedy))
    return number


def resize_inputs(inputs: Tensor, size_px: tuple[int, int]) -> Tensor:
    """Resize images: bilinear, with antialiasing, as Pillow does.

    Args:
        inputs: Images (B, C, H, W), any floating dtype; not modified.
        size_px: (height, width) that they get, each >= 1.

    Returns:
        Images (B, C, height, width) of the same dtype, device and memory format; ``inputs`` itself where that is their
        size.

    Raises:
        TypeError: ``inputs`` is no floating tensor, or ``size_px`` no pair of integers.
        ValueError: ``inputs`` are no images, or a side is below 1.

    Example:
        >>> resize_inputs(torch.tensor([[[[0.0, 2.0, 4.0, 6.0]]]]), (1, 1))
        tensor([[[[3.]]]])
    """
    check_floating(RESIZE, "inputs", inputs)
    if inputs.ndim != IMAGE_NDIM:
        raise ValueError(message(RESIZE, "inputs", "be images (B, C, H, W)", tuple(inputs.shape)))
    if tuple(inputs.shape[2:]) == check_size_px(RESIZE, size_px):
        return inputs
    wide = inputs if inputs.dtype in RESIZED else inputs.float()
    return functional.interpolate(wide, size_px, mode="bilinear", antialias=True).to(inputs.dtype)
