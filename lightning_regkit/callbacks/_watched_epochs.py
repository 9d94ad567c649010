"""The base of what looks back on an epoch when everything about it has been logged."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from typing_extensions import override

from lightning_regkit._lightning import is_evaluated, pl
from lightning_regkit._lightning._logging_steps import logged_step
from lightning_regkit.callbacks._watched_steps import WatchedSteps
from lightning_regkit.monitoring._position import epochs_done

if TYPE_CHECKING:
    from lightning_regkit.monitoring import Position

__all__ = ["WatchedEpochs"]


class WatchedEpochs(WatchedSteps, ABC):
    """Looks back on each epoch that had a validation, as the next one starts or training ends.

    Not in ``on_train_epoch_end``: the module's own hook of that name, which may log too, comes after it.

    Args:
        owner: Public name of the callback.
        per_layer: As for ``WatchedSteps``.
    """

    def __init__(self, owner: str, *, per_layer: bool) -> None:
        super().__init__(owner, per_layer=per_layer)
        self._ended: Position | None = None
        self._has_validated = False

    @abstractmethod
    def log_epoch(self, trainer: "pl.Trainer", position: "Position") -> None:
        """Log what there is to say of an epoch that ended there; called on every rank."""

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_start(trainer, pl_module)
        self._ended, self._has_validated = None, False

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_epoch_start(trainer, pl_module)
        self._look_back(trainer)

    @override
    def on_validation_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._has_validated = self._has_validated or is_evaluated(trainer, after_validation=True)

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_epoch_end(trainer, pl_module)
        done = epochs_done(trainer.current_epoch, trainer.fit_loop.batch_idx + 1, trainer.num_training_batches)
        self._ended = self.odometer.position(logged_step(trainer, at_epoch_end=True), done)

    @override
    def on_train_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._look_back(trainer)

    def _look_back(self, trainer: "pl.Trainer") -> None:
        ended, has_validated = self._ended, self._has_validated
        if ended is not None:
            self._ended, self._has_validated = None, False
            if has_validated:
                self.log_epoch(trainer, ended)
