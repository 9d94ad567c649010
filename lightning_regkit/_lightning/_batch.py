"""The batch seam: change a training batch between its transfer to the device and ``training_step``."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import numpy as np
from torch import Tensor

from lightning_regkit._lightning._containers import get, put
from lightning_regkit._lightning._layout import Keys
from lightning_regkit._lightning._override import Override, is_listed
from lightning_regkit._lightning._ranks import Streams

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["BatchSeam", "Example", "Transform", "is_real_training"]

HOOK: Final = "on_after_batch_transfer"


class Example(NamedTuple):
    """One pair of a batch: inputs (B, ...) and their targets (B, ...), None where only inputs are wanted."""

    inputs: Tensor
    targets: Tensor | None


#: Must be a bound method of the callback; draws only from the generator.
Transform = Callable[[Example, np.random.Generator], Example]


def is_real_training(trainer: "pl.Trainer", callback: "pl.Callback") -> bool:
    """Tell a training batch from those of sanity checks, validation, trial runs and BatchNorm updates.

    The learning-rate and batch-size finders set every flag of training, but swap ``trainer.callbacks``. Stochastic
    weight averaging re-reads the training data for BatchNorm statistics with ``_skip_backward`` set.
    """
    is_update = trainer.fit_loop._skip_backward  # noqa: SLF001  # the only sign of it
    return bool(trainer.training and is_listed(trainer, callback) and not is_update)


@final
class BatchSeam:
    """One callback's layer over ``on_after_batch_transfer`` of whoever owns that hook, module or DataModule.

    Args:
        callback: The callback that transforms; the seam rests while it is not in ``trainer.callbacks``.
        transform: Its bound method that maps an example to another.
        keys: Where inputs and targets are.
    """

    def __init__(self, callback: "pl.Callback", transform: Transform, keys: Keys) -> None:
        self._callback = callback
        self._transform = transform
        self._keys = keys
        self._override: Override | None = None
        self._trainer: pl.Trainer | None = None
        self.streams = Streams(callback)

    def attach(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Install the layer; called in ``on_fit_start`` on every rank.

        Raises:
            ValueError: ``training_step`` pulls batches itself (``dataloader_iter``), so that no hook sees them.
        """
        self.detach()
        if "dataloader_iter" in inspect.signature(pl_module.training_step).parameters:
            raise ValueError(
                f"{self._keys.owner}: training_step must take a batch, got training_step(dataloader_iter), whose "
                "batches no callback sees. Write training_step(self, batch, batch_idx)."
            )
        self._trainer = trainer
        # Lightning's own question, asked before ours is installed: a DataModule that overrides the hook wins.
        selector = trainer._data_connector._datahook_selector  # noqa: SLF001  # no public form
        assert selector is not None, "a running Trainer has one"  # noqa: S101  # for the type checker
        owner = selector.get_instance(HOOK)
        self._override = Override.push(owner, HOOK, self._layer)

    def detach(self) -> None:
        """Take the layer off, leaving the owner as it was; harmless when there is none."""
        if self._override is not None:
            self._override.pop(self._layer)
        self._override = self._trainer = None

    def _layer(self, inner: Callable[[Any, int], Any], batch: Any, dataloader_idx: int) -> Any:
        batch = inner(batch, dataloader_idx)
        if self._trainer is None or not is_real_training(self._trainer, self._callback):
            return batch
        slots = self._keys.find(batch)
        generator = self.streams.next(self._trainer)
        for slot in slots:
            example = Example(get(batch, slot.inputs), None if slot.targets is None else get(batch, slot.targets))
            example = self._transform(example, generator)
            batch = put(batch, slot.inputs, example.inputs)
            batch = batch if slot.targets is None else put(batch, slot.targets, example.targets)
        return batch
