"""The training loaders, before Lightning makes their iterators.

Lightning builds the iterator of the training data before ``on_train_start`` and tells samplers the epoch later still,
so what positions a sampler must reach it while the loaders are being asked for.
"""

from collections.abc import Callable
from typing import Any, final

from lightning_regkit._lightning._namespace import pl
from lightning_regkit._lightning._override import Override

__all__ = ["LoaderSeam", "flat_loaders", "is_cycled"]


def flat_loaders(loaders: object) -> list[object]:
    """List the loaders in whatever collection ``train_dataloader`` returned, in Lightning's order."""
    combined = pl.utilities.combined_loader.CombinedLoader
    return list((loaders if isinstance(loaders, combined) else combined(loaders, "max_size_cycle")).flattened)


def is_cycled(loaders: object) -> bool:
    """Tell whether the shorter of several loaders begin again in the epoch once they are used up."""
    combined = pl.utilities.combined_loader.CombinedLoader
    mode = loaders._mode if isinstance(loaders, combined) else "max_size_cycle"  # noqa: SLF001  # nowhere public
    return mode == "max_size_cycle" and len(flat_loaders(loaders)) > 1


@final
class LoaderSeam:
    """Shows a callback the training loaders each time Lightning asks for them.

    Args:
        on_loaders: Called with the Trainer and what ``train_dataloader`` returned before any of it is iterated.
    """

    def __init__(self, on_loaders: "Callable[[pl.Trainer, object], None]") -> None:
        self._on_loaders = on_loaders
        self._trainer: pl.Trainer | None = None
        self._record: Override | None = None

    def attach(self, trainer: "pl.Trainer") -> None:
        """Start at ``on_fit_start``: the loaders given to ``fit`` at once, a hook's when it returns them."""
        self.detach()
        self._trainer = trainer
        source = trainer.fit_loop._data_source.instance  # noqa: SLF001  # nowhere public
        if isinstance(source, pl.LightningModule | pl.LightningDataModule):
            self._record = Override.push(source, "train_dataloader", self._request)
            combined = trainer.fit_loop._combined_loader  # noqa: SLF001  # nowhere public
            if combined is not None:  # a finder has asked for them, and Lightning will not again
                self._on_loaders(trainer, combined)
        else:
            self._on_loaders(trainer, source)

    def detach(self) -> None:
        """Stop; harmless when not started."""
        if self._record is not None:
            self._record.pop(self._request)
        self._record = self._trainer = None

    def _request(self, inner: Callable[[], Any]) -> Any:
        loaders = inner()
        if self._trainer is not None:
            self._on_loaders(self._trainer, loaders)
        return loaders
