"""The base of callbacks that put other layers into the module."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import Explained, Plan, Progress, pl, refuse_sharded, say
from lightning_regkit._lightning._built import BuiltSeam
from lightning_regkit.regularizers import Where, find_layers
from lightning_regkit.regularizers._operation import Operation
from lightning_regkit.schedules import ScheduleSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lightning_regkit.schedules import Schedule

__all__ = ["ModelSurgery"]


class ModelSurgery(pl.Callback, Explained, ABC):
    """Puts layers into the module for the time of a stage, as soon as it has made its own, and takes them out again.

    Acts after ``setup`` and ``configure_model`` of the module, before there are optimizers. Writes the slots of the
    module tree and, with a schedule, the rates of the new layers before each training batch. Saves nothing.

    Args:
        where: Which layers are replaced; None where a subclass finds them itself.
        schedule: What the rates are multiplied by at each step; None for nothing.
    """

    def __init__(self, where: Where | None, schedule: ScheduleSpec | None) -> None:
        self._owner = type(self).__name__
        if schedule is not None and not isinstance(schedule, ScheduleSpec):
            raise TypeError(message(self._owner, "schedule", "be a spec of lightning_regkit.schedules", schedule))
        self.where, self.schedule = where, schedule
        self._built, self._progress = BuiltSeam(self._operate), Progress(self._owner)
        self._operation: Operation | None = None
        self._factor: Schedule | None = None

    @abstractmethod
    def make(self, found: "dict[str, nn.Module]") -> "dict[str, nn.Module]":
        """Return the new layers, by the names of those they replace."""

    def find(self, module: "nn.Module") -> "dict[str, nn.Module]":
        """Return the layers to replace, by name, at least one."""
        assert self.where is not None, "a subclass finds them itself"  # noqa: S101  # for the type checker
        return find_layers(module, self.where, owner=self._owner)

    @override
    def explain(self, plan: Plan) -> str:
        if plan.module is None:
            return "replaces layers that are not known without a fit"
        operation = Operation(plan.module, self.make(self.find(plan.module)), owner=self._owner)
        operation.undo()
        times = "" if self.schedule is None else f", times {self.schedule.describe(plan.horizons[0])}"
        return "\n".join(operation.lines) + times

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._undo()
        refuse_sharded(self._owner, trainer)
        self._built.attach(pl_module)

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if self._operation is not None:
            self._operation.refuse_missing(pl_module)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if self.schedule is not None:
            self._progress.attach(trainer)
            self._factor = self.schedule.build(self._progress.horizon)
        if self._operation is not None:
            self._operation.watch(pl_module)
        self._has_trained = False

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        if self._operation is not None and self._factor is not None:
            self._operation.rates.write(self._factor(self._progress.step_of_batch))

    @override
    def on_before_backward(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", loss: "Tensor") -> None:
        self._has_trained = True

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._operation is not None and self._has_trained:
            for line in self._operation.seen():
                say(self._owner, f"{line}.")

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._undo()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._undo()

    def _operate(self, pl_module: "pl.LightningModule") -> None:
        self._operation = operation = Operation(pl_module, self.make(self.find(pl_module)), owner=self._owner)
        if self.schedule is not None:
            operation.rates.refuse_none()
        for line in operation.lines:
            say(self._owner, f"{line}.")

    def _undo(self) -> None:
        self._built.detach()
        self._progress.detach()
        if self._operation is not None:
            self._operation.undo()
        self._operation = self._factor = None
