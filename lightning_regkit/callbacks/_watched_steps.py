"""The base of what measures the steps that Lightning logs, and nothing of the others."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import pl, say
from lightning_regkit._lightning._batch import is_real_training
from lightning_regkit._lightning._logging_steps import gradient_scale, is_logging_step, returned_loss
from lightning_regkit.callbacks._measured_run import MeasuredRun
from lightning_regkit.monitoring import to_floats
from lightning_regkit.monitoring._step_probe import StepProbe

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

__all__ = ["WatchedSteps"]


class WatchedSteps(MeasuredRun, ABC):
    """Measures the steps that Lightning logs, on rank 0, and waits for the device once at their end.

    In other steps no operation is added: weights are copied and hooks are on layers from ``on_train_batch_start`` of a
    logging step to its end.

    Args:
        owner: Public name of the callback.
        per_layer: Whether to return the figures of single layers and weights too.
    """

    def __init__(self, owner: str, *, per_layer: bool) -> None:
        super().__init__(owner)
        self.per_layer = per_layer
        self._probe: StepProbe | None = None
        self._has_said = False

    @abstractmethod
    def log_row(self, trainer: "pl.Trainer", row: dict[str, float], batch: Any, batch_idx: int) -> None:
        """Log the figures of a step that has been made; the batch is as ``training_step`` got it."""

    @override
    def end(self) -> None:
        super().end()
        if self._probe is not None:
            self._probe.drop()
        self._probe = None

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_start(trainer, pl_module)
        self._probe, self._has_said = None, False
        if trainer.is_global_zero:
            self._probe = StepProbe(pl_module, trainer.optimizers, per_layer=self.per_layer)

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_start(trainer, pl_module, batch, batch_idx)
        if self._probe is not None:
            self._probe.drop()  # of a batch that was skipped
            if is_real_training(trainer, self) and is_logging_step(trainer):
                self._probe.begin()

    @override
    def on_before_backward(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", loss: "Tensor") -> None:
        if self._probe is not None and pl_module.automatic_optimization:
            self._probe.end_forward()

    @override
    def on_before_optimizer_step(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", optimizer: "Optimizer"
    ) -> None:
        if self._probe is not None and self._probe.is_open:
            self._probe.note_gradients(optimizer, gradient_scale(trainer, optimizer))

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if self._probe is None or not self._probe.is_open:
            return
        if trainer.gradient_clip_val and pl_module.automatic_optimization:
            self._probe.note_clipped()
        loss = returned_loss(trainer, outputs)
        row = to_floats(({} if loss is None else {"train_loss": loss}) | self._probe.take())
        if self._probe.is_blind and not self._has_said:
            self._has_said = True
            say(self._owner, "sees no dead or saturated units: the layers are in a compiled graph, or not called.")
        self.log_row(trainer, row | self.throughput.take(), batch, batch_idx)
