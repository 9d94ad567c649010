"""What every draw that mixes two examples has, however it mixes them."""

from typing import Any, Final, Protocol

import numpy as np

from lightning_regkit._checks import message
from lightning_regkit.mixing._tensors import check_array

__all__ = ["PER", "Mixture", "check_partner"]

PER: Final = ("batch", "sample")


class Mixture(Protocol):
    """A draw of B pairs of examples: what :func:`~lightning_regkit.mixing.mix_targets` needs of it.

    Attributes:
        lam: Weight of the **original** example, float32 (B,), in [0, 1].
        partner: Index of the other example, int64 (B,), in [0, B).
        batch_size: Number of examples B, >= 1.
    """

    @property
    def lam(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Weight of the original example, (B,)."""

    @property
    def partner(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Index of the other example, (B,)."""

    @property
    def batch_size(self) -> int:
        """Number of examples B."""


def check_partner(owner: str, partner: object) -> None:
    """Refuse what are no indices into a batch.

    Args:
        owner: Public name of what the user called.
        partner: Index of every example's partner, int64 (B,), in [0, B), B >= 1.

    Raises:
        TypeError: ``partner`` is no int64 array.
        ValueError: It is not (B,) with B >= 1, or an index is out of range.

    Example:
        >>> check_partner("MixupDraw", np.array([1, 0]))
    """
    indices = check_array(owner, "partner", partner, np.int64)
    if indices.ndim != 1 or not indices.size:
        raise ValueError(message(owner, "partner", "be of shape (B,), B >= 1", indices.shape))
    if indices.min() < 0 or indices.max() >= len(indices):
        raise ValueError(message(owner, "partner", "be in [0, B)", indices.tolist()))
