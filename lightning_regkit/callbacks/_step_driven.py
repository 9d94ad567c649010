"""The base of callbacks that act after every optimizer step."""

from abc import ABC, abstractmethod
from typing import Any

from typing_extensions import override

from lightning_regkit._lightning import Clock, pl

__all__ = ["StepDriven"]


class StepDriven(pl.Callback, ABC):
    """Counts the steps of each optimizer from ``on_train_start``, where the subclass attaches the clock, to the end.

    Args:
        total_steps: Steps of the run if the user says so, for all optimizers or for each.
    """

    def __init__(self, total_steps: int | tuple[int, ...] | None) -> None:
        self._clock = Clock(self, self._on_step, total_steps)

    @abstractmethod
    def _on_step(self, index: int) -> None:
        """Act right after a step of optimizer ``index``."""

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._clock.refuse_resize(trainer)

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not pl_module.automatic_optimization:
            self._clock.refuse_drift(trainer)

    @override
    def on_train_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._clock.report()

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._clock.detach()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._clock.detach()
