"""The hooks of validation, test and prediction as one set of methods."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit.callbacks._every_sample import EverySample

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl

__all__ = ["EvaluationHooks"]


class EvaluationHooks(EverySample, ABC):
    """Does the same in all three stages; ``_stop`` comes however an evaluation ends, also more than once.

    Args:
        owner: Public name of the callback.
        stages: Stages in which every sample must count once.
    """

    @abstractmethod
    def _start(self, stage: str, pl_module: "pl.LightningModule") -> None:
        """Begin an evaluation, before its first batch; ``stage`` may be one that was not chosen."""

    @abstractmethod
    def _begin(self, pl_module: "pl.LightningModule", batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        """Begin a batch."""

    @abstractmethod
    def _end(self, pl_module: "pl.LightningModule", batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        """End a batch, after the step; not called where the step raised."""

    @abstractmethod
    def _log(self, pl_module: "pl.LightningModule") -> None:
        """Log what the batches of validation or test amount to."""

    @abstractmethod
    def _stop(self) -> None:
        """Leave everything as it was."""

    @override
    def on_validation_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_validation_start(trainer, pl_module)
        self._start("validate", pl_module)

    @override
    def on_test_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_test_start(trainer, pl_module)
        self._start("test", pl_module)

    @override
    def on_predict_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._start("predict", pl_module)

    @override
    def on_validation_batch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._begin(pl_module, *(*batch, 0)[:3])  # no index is given to a single loader

    @override
    def on_test_batch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._begin(pl_module, *(*batch, 0)[:3])

    @override
    def on_predict_batch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._begin(pl_module, *(*batch, 0)[:3])

    @override
    def on_validation_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        super().on_validation_batch_end(trainer, pl_module, *batch)
        self._end(pl_module, *(*batch, 0)[1:4])

    @override
    def on_test_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        super().on_test_batch_end(trainer, pl_module, *batch)
        self._end(pl_module, *(*batch, 0)[1:4])

    @override
    def on_predict_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._end(pl_module, *(*batch, 0)[1:4])

    @override
    def on_validation_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._log(pl_module)

    @override
    def on_test_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._log(pl_module)

    @override
    def on_validation_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._stop()

    @override
    def on_test_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._stop()

    @override
    def on_predict_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._stop()

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._stop()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._stop()
