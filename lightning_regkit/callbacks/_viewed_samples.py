"""What every single view predicts of each sample, gathered over the batches of ``predict``."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, final

from lightning_regkit.crops import View, in_order
from lightning_regkit.marginalize import view_probabilities

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ViewedSamples"]


@final
class ViewedSamples:
    """Looks at the scores of the views as they come, and keeps their probabilities off the device.

    Args:
        activation: What makes probabilities of scores.
    """

    def __init__(self, activation: str) -> None:
        self._activation = activation
        self._batch: list[tuple[Sequence[int], Tensor]] = []
        self._parts: list[Tensor] = []

    @property
    def probabilities(self) -> "Tensor | None":
        """Those of each sample, in the order seen, (N, V, K); None where there were none."""
        ends = accumulate(map(len, self._parts))
        parts = [(range(end - len(part), end), part) for end, part in zip(ends, self._parts, strict=True)]
        return in_order(parts) if parts else None

    def begin(self) -> None:
        """Begin a batch."""
        self._batch = []

    def watched(
        self, scores: "Iterable[Tensor]", order: Sequence[View], listed: Sequence[View], places: Sequence[int]
    ) -> "Iterator[Tensor]":
        """Pass on the scores of images of one size, and keep them.

        Args:
            scores: Of every view, in ``order``.
            order: The views as they come.
            listed: The views as the layout lists them.
            places: Where in the batch the images are.
        """
        found: dict[View, Tensor] = {}
        for view, each in zip(order, scores, strict=True):
            found[view] = each
            yield each
        probabilities = view_probabilities([found[view] for view in listed], self._activation)  # (b, V, K)
        self._batch.append((places, probabilities.cpu()))

    def end_batch(self) -> None:
        """Keep the batch, in its order."""
        if self._batch:
            self._parts.append(in_order(self._batch))
        self._batch = []
