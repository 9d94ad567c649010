"""How sure an average was of each sample, gathered over the batches of ``predict``."""

from typing import TYPE_CHECKING, final

from lightning_regkit.marginalize import Uncertainty, combine, uncertainty

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from lightning_regkit.marginalize import Averaging

__all__ = ["PredictedSamples"]


@final
class PredictedSamples:
    """Takes means, and notes how uncertain those are that a batch of ``predict`` ends with.

    Args:
        averaging: Which mean.
    """

    def __init__(self, averaging: "Averaging") -> None:
        self._averaging = averaging
        self._last: Uncertainty | None = None
        self._parts: list[Uncertainty] = []

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Mean and uncertainty of each sample, in the order seen; None where none was noted."""
        return Uncertainty.joined(self._parts) if self._parts else None

    def mean(
        self, scores: "Iterable[Tensor]", weights: "Sequence[float] | None" = None, *, is_noted: bool = False
    ) -> "Tensor":
        """Return the mean of ``scores``; with ``is_noted`` keep its uncertainty, where it is one of distributions."""
        activation, space = self._averaging.activation, self._averaging.space
        if not (is_noted and self._averaging.is_of_probs):
            return combine(scores, weights=weights, activation=activation, space=space)
        self._last = uncertainty(scores, weights=weights, activation=activation)
        return self._last.scores

    def end_batch(self) -> None:
        """Keep what was noted last, off the device."""
        if self._last is not None:
            self._parts.append(Uncertainty.joined([self._last]))
        self._last = None
