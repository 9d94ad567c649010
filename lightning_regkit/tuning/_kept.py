"""The same few batches, again and again."""

from collections.abc import Iterator
from typing import final

from lightning_regkit._lightning import pl

__all__ = ["Kept"]


@final
class Kept:
    """Loads the first batches of the training loaders once and repeats them; or all of them, anew in each epoch.

    Lightning neither tells it the epoch nor replaces its sampler.

    Args:
        loaders: What ``train_dataloader`` returned.
        num_batches: How many to keep; None repeats nothing.
    """

    def __init__(self, loaders: object, num_batches: int | None) -> None:
        combined = pl.utilities.combined_loader.CombinedLoader
        self._loaders = loaders if isinstance(loaders, combined) else combined(loaders, "max_size_cycle")
        self._num_batches = num_batches
        self._kept: list[object] = []

    def __iter__(self) -> Iterator[object]:
        if self._kept:
            yield from self._kept
            return
        kept = []
        for batch, _, _ in self._loaders:
            if self._num_batches is not None:
                kept.append(batch)
            yield batch
            if len(kept) == self._num_batches:
                break
        self._kept = kept
