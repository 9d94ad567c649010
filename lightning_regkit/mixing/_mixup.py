"""Mixup: convex combinations of pairs of examples."""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from torch import Tensor

from lightning_regkit._checks import message, positive_float, positive_int
from lightning_regkit.mixing._tensors import check_array, check_batch, check_floating, mix_pairs

__all__ = ["MixupDraw", "apply_mixup", "check_alpha", "draw_mixup"]

MIN_ALPHA: Final = 0.01


@final
@dataclass(frozen=True, eq=False)
class MixupDraw:
    """The random part of mixup for one batch.

    Args:
        lam: Weight of the **original** example, float32 (B,), in [0, 1].
        partner: Index of the other example, int64 (B,), in [0, B).

    Raises:
        TypeError: A field is no array of that dtype.
        ValueError: A field is out of range, or the shapes are not both (B,) with B >= 1.

    Example:
        >>> draw = MixupDraw(lam=np.array([0.7, 0.7], dtype=np.float32), partner=np.array([1, 0]))
        >>> draw.batch_size
        2
    """

    lam: np.ndarray[Any, np.dtype[np.float32]]
    partner: np.ndarray[Any, np.dtype[np.int64]]

    def __post_init__(self) -> None:
        check_array("MixupDraw", "lam", self.lam, np.float32)
        check_array("MixupDraw", "partner", self.partner, np.int64)
        if self.lam.ndim != 1 or not self.lam.size or self.lam.shape != self.partner.shape:
            shapes = (self.lam.shape, self.partner.shape)
            raise ValueError(message("MixupDraw", "lam and partner", "have one shape (B,), B >= 1", shapes))
        if not ((self.lam >= 0) & (self.lam <= 1)).all():
            raise ValueError(message("MixupDraw", "lam", "be in [0, 1]", self.lam.tolist()))
        if self.partner.min() < 0 or self.partner.max() >= self.batch_size:
            raise ValueError(message("MixupDraw", "partner", "be in [0, B)", self.partner.tolist()))

    @property
    def batch_size(self) -> int:
        """Number of examples B, >= 1."""
        return len(self.partner)


def check_alpha(owner: str, alpha: object) -> float:
    """Return a usable concentration of Beta(alpha, alpha), or refuse it.

    Args:
        owner: Public name of what the user called.
        alpha: Concentration, at least 0.01: below that nearly every lam is 0 or 1 to within 1e-6.

    Returns:
        ``alpha``.

    Raises:
        TypeError: ``alpha`` is no number.
        ValueError: ``alpha`` is below 0.01 or not finite.

    Example:
        >>> check_alpha("Mixup", 0.2)
        0.2
    """
    remedy = "The paper uses 0.1 to 0.4 on ImageNet; to mix nothing, leave mixup out."
    number = positive_float(owner, "alpha", alpha, remedy)
    if number < MIN_ALPHA:
        raise ValueError(message(owner, "alpha", f"be at least {MIN_ALPHA}", alpha, remedy))
    return number


def draw_mixup(batch_size: int, *, alpha: float, generator: np.random.Generator) -> MixupDraw:
    """Draw lam ~ Beta(alpha, alpha), one for the batch, and a uniformly random permutation of partners.

    Args:
        batch_size: B, >= 1.
        alpha: Concentration of the Beta law, at least 0.01; 1 is uniform, smaller is nearer to 0 and 1.
        generator: Source of all randomness.

    Returns:
        A draw whose ``lam`` holds B times the same value and whose ``partner`` is a permutation.

    Raises:
        TypeError: ``batch_size`` is no integer or ``alpha`` no number.
        ValueError: ``batch_size`` is below 1 or ``alpha`` below 0.01.

    Example:
        >>> draw = draw_mixup(3, alpha=0.2, generator=np.random.default_rng(0))
        >>> sorted(draw.partner.tolist())
        [0, 1, 2]

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, section 2.
    """
    positive_int("mixing.draw_mixup", "batch_size", batch_size)
    check_alpha("mixing.draw_mixup", alpha)
    lam = np.full(batch_size, generator.beta(alpha, alpha), dtype=np.float32)
    return MixupDraw(lam, generator.permutation(batch_size))


def apply_mixup(inputs: Tensor, draw: MixupDraw) -> Tensor:
    """Mix every example with its partner: lam x_i + (1 - lam) x_partner(i).

    Args:
        inputs: Examples (B, ...), any floating dtype; not modified.
        draw: From :func:`draw_mixup` for the same B.

    Returns:
        A new tensor of the dtype, shape, device and memory format of ``inputs``; where lam is 1, equal to them bit for
        bit. lam is rounded to the dtype (bfloat16 keeps 8 bits of it). Made without waiting for the device.

    Raises:
        TypeError: ``inputs`` is not a floating tensor.
        ValueError: ``inputs`` is of another batch size than the draw.

    Example:
        >>> import torch
        >>> draw = MixupDraw(lam=np.array([0.75, 0.75], dtype=np.float32), partner=np.array([1, 0]))
        >>> apply_mixup(torch.tensor([[0.0], [4.0]]), draw)
        tensor([[1.],
                [3.]])

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, equation 1.
    """
    check_batch("mixing.apply_mixup", "inputs", inputs, draw.batch_size)
    check_floating("mixing.apply_mixup", "inputs", inputs)
    return mix_pairs(inputs, draw.lam, draw.partner)
