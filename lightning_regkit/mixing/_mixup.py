"""Mixup: convex combinations of pairs of examples."""

from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
from torch import Tensor

from lightning_regkit._checks import message, one_of, positive_int
from lightning_regkit.mixing._alpha import check_alpha
from lightning_regkit.mixing._blend import blend
from lightning_regkit.mixing._mixture import PER, check_partner
from lightning_regkit.mixing._tensors import check_array, check_batch, check_floating

__all__ = ["MixupDraw", "apply_mixup", "draw_mixup"]

DRAW: Final = "mixing.draw_mixup"


@final
@dataclass(frozen=True, eq=False)
class MixupDraw:
    """The random part of mixup for one batch.

    Args:
        lam: Weight of the **original** example, float32 (B,), in [0, 1].
        partner: Index of the other example, int64 (B,), in [0, B).

    Raises:
        TypeError: A field is no array of that dtype.
        ValueError: A field is out of range, or the shapes are not both (B,), B >= 1.

    Example:
        >>> draw = MixupDraw(lam=np.array([0.7, 0.7], dtype=np.float32), partner=np.array([1, 0]))
        >>> draw.batch_size
        2
    """

    lam: np.ndarray[Any, np.dtype[np.float32]]
    partner: np.ndarray[Any, np.dtype[np.int64]]

    def __post_init__(self) -> None:
        check_array("MixupDraw", "lam", self.lam, np.float32)
        check_partner("MixupDraw", self.partner)
        if self.lam.shape != self.partner.shape:
            shapes = (self.lam.shape, self.partner.shape)
            raise ValueError(message("MixupDraw", "lam and partner", "be of one shape", shapes))
        if not ((self.lam >= 0) & (self.lam <= 1)).all():
            raise ValueError(message("MixupDraw", "lam", "be in [0, 1]", self.lam.tolist()))

    @property
    def batch_size(self) -> int:
        """Number of examples B, >= 1."""
        return len(self.partner)


def draw_mixup(
    batch_size: int, *, alpha: float, generator: np.random.Generator, per: Literal["batch", "sample"] = "batch"
) -> MixupDraw:
    """Draw lam ~ Beta(alpha, alpha) and a uniformly random permutation of partners.

    Args:
        batch_size: B, >= 1.
        alpha: Concentration of the Beta law, at least 0.01; 1 is uniform, smaller is nearer to 0 and 1.
        generator: Source of all randomness.
        per: One lam for the ``"batch"``, or one for each ``"sample"``, independent of the others.

    Returns:
        A draw whose ``partner`` is a permutation, and whose ``lam`` holds B times the same value if ``per="batch"``.

    Raises:
        TypeError: ``batch_size`` is no integer or ``alpha`` no number.
        ValueError: ``batch_size`` is below 1, ``alpha`` below 0.01, or ``per`` another word.

    Example:
        >>> draw = draw_mixup(3, alpha=0.2, generator=np.random.default_rng(0))
        >>> sorted(draw.partner.tolist())
        [0, 1, 2]

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, section 2.

    Differs from the paper:
        In nothing for ``per="batch"``, as in the authors' code. ``per="sample"`` is timm's ``elem`` with a permutation.
    """
    positive_int(DRAW, "batch_size", batch_size)
    check_alpha(DRAW, alpha)
    one_of(DRAW, "per", per, PER)
    lam = generator.beta(alpha, alpha, size=batch_size if per == "sample" else 1)
    return MixupDraw(np.repeat(lam.astype(np.float32), batch_size // len(lam)), generator.permutation(batch_size))


def apply_mixup(inputs: Tensor, draw: MixupDraw, *, inplace: bool = False) -> Tensor:
    """Mix every example with its partner: lam x_i + (1 - lam) x_partner(i).

    Args:
        inputs: Examples (B, ...), any floating dtype; modified only if ``inplace``.
        draw: From :func:`draw_mixup` for the same B.
        inplace: Write into ``inputs``, which then must not be the data set itself.

    Returns:
        ``inputs`` if ``inplace``, else a new tensor of the dtype, shape, device and memory format of ``inputs``; where
        lam is 1, equal to them. lam is rounded to the dtype (bfloat16 keeps 8 bits of it). Made without waiting for
        the device. The CPU and other devices, and ``inplace`` or not, differ by rounding only.

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
    return blend(inputs, draw, inplace=inplace)
