"""When training waits for its next batch."""

from collections.abc import Callable
from typing import TYPE_CHECKING, final

from lightning_regkit._lightning._override import Override, is_listed

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["FetchSeam"]


@final
class FetchSeam:
    """Calls back around every ``next()`` on the training data; the transfer to the device is not part of it.

    Lightning tells only its profiler of this, through two methods of the loop, which get a layer.

    Args:
        callback: Whose; the seam rests while it is not in ``trainer.callbacks``.
        begin: Bound method called before.
        end: Bound method called after, in any case.
    """

    def __init__(self, callback: "pl.Callback", begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._callback, self._begin, self._end = callback, begin, end
        self._trainer: pl.Trainer | None = None
        self._records: list[tuple[Override, Callable[..., None]]] = []

    def attach(self, trainer: "pl.Trainer") -> None:
        """Start at ``on_train_start``: an epoch takes the two methods when it begins."""
        self.detach()
        self._trainer, loop = trainer, trainer.fit_loop.epoch_loop
        for name, layer in (("_on_before_fetch", self._before), ("_on_after_fetch", self._after)):
            self._records.append((Override.push(loop, name, layer), layer))

    def detach(self) -> None:
        """Stop; harmless when not started."""
        while self._records:
            record, layer = self._records.pop()
            record.pop(layer)
        self._trainer = None

    def _before(self, inner: Callable[[], None]) -> None:
        if self._is_on:
            self._begin()
        inner()

    def _after(self, inner: Callable[[], None]) -> None:
        inner()
        if self._is_on:
            self._end()

    @property
    def _is_on(self) -> bool:
        return self._trainer is not None and is_listed(self._trainer, self._callback)
