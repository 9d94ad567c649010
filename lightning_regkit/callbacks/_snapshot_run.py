"""The hooks of a snapshot ensemble in training, and how it goes on after a resume."""

from abc import ABC
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import is_evaluated
from lightning_regkit.callbacks._ensembled_prediction import EnsembledPrediction
from lightning_regkit.callbacks._snapshot_cycles import SnapshotCycles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._exchange import Weights
    from lightning_regkit.callbacks._cycle_settings import CycleSettings
    from lightning_regkit.callbacks._ensemble_settings import EnsembleSettings

__all__ = ["SnapshotRun"]


class SnapshotRun(EnsembledPrediction, ABC):
    """Takes members in a fit, and tests those that are in the folder.

    Args:
        cycles: How it trains.
        settings: How it tests.
    """

    def __init__(self, cycles: "CycleSettings", settings: "EnsembleSettings") -> None:
        super().__init__(settings)
        self._cycles = SnapshotCycles(self, cycles)
        self._is_resuming = False

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._cycles.claim(trainer, pl_module)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_start(trainer, pl_module)
        self._cycles.start(trainer, pl_module)

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._cycles.clock.refuse_resize(trainer)
        self._cycles.is_paused = True  # files may have been written, workers started

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        self._cycles.before_batch(trainer, pl_module)

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not pl_module.automatic_optimization:
            self._cycles.clock.refuse_drift(trainer)

    @override
    def on_validation_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_validation_end(trainer, pl_module)
        self._cycles.is_paused = True
        if is_evaluated(trainer, after_validation=True):
            self._cycles.score(trainer)

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if is_evaluated(trainer, after_validation=False):
            self._cycles.score(trainer)

    @override
    def on_train_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._cycles.report()

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        super().on_exception(trainer, pl_module, exception)
        self._cycles.stop()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        super().teardown(trainer, pl_module, stage)
        self._cycles.stop()

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._is_resuming = trainer.state.fn == "fit"
        if self._is_resuming:  # what an earlier fit left must not stand in for what a checkpoint lacks
            self._cycles.forget()

    @override
    def state_dict(self) -> dict[str, Any]:
        return self._cycles.save()

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self._is_resuming:
            self._cycles.load(state_dict)

    @override
    def _members(self) -> "Sequence[tuple[str, Callable[[], Weights]]]":
        return self._cycles.members.listed()
