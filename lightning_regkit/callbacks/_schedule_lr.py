"""A learning-rate schedule for any LightningModule, in optimizer steps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._checks import fraction, message
from lightning_regkit._durations import parse
from lightning_regkit._lightning import Clock, Rates, check_total_steps, pl, refuse_schedulers, say
from lightning_regkit.schedules import ScheduleSpec, compose, describe

if TYPE_CHECKING:
    from lightning_regkit.schedules import Schedule

__all__ = ["ScheduleLR"]


@final
class ScheduleLR(pl.Callback):
    """Drive the learning rate of every parameter group: its base rate times the schedule's factor at each step.

    Time is counted in optimizer steps: accumulation, devices, steps that mixed precision skips, L-BFGS closures and
    manual optimization leave the curve as declared. ``LearningRateMonitor`` reads the rate in use, in any order.
    Reads base rates in ``on_fit_start``; prints the plan and writes ``param_groups[i]["lr"]`` in ``on_train_start`` and
    after each step, the same on every rank. Saves the steps done; on resume the code's settings win, as a line says.

    Args:
        spec: The shape, such as ``Cosine()`` or ``Milestones(["30ep", "60ep"])``.
        warmup: Length of a linear warmup in front of it: ``"5ep"``, ``"500step"``, ``"0.05run"``; 0 for none.
        start_factor: Factor at step 0 of the warmup, in [0, 1]; None means 1 / warmup steps, so that no step is wasted.
        total_steps: Steps of the run (a list: of each optimizer) where manual optimization does not step once a batch;
            None takes the Trainer's own bounds.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range, here or in this run; or another scheduler drives the rates.
        UnknownTotalError: In fit, the schedule needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> schedule = rk.callbacks.ScheduleLR(rk.schedules.Cosine(), warmup="5ep")  # Trainer(callbacks=[schedule])

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2 (warmup that moves every iteration).
    """

    def __init__(
        self,
        spec: ScheduleSpec,
        warmup: int | str = 0,
        *,
        start_factor: float | None = None,
        total_steps: int | Sequence[int] | None = None,
    ) -> None:
        if not isinstance(spec, ScheduleSpec):
            raise TypeError(message("ScheduleLR", "spec", "be a spec of lightning_regkit.schedules", spec))
        parse(warmup, owner="ScheduleLR", argument="warmup")
        self.spec = spec
        self.warmup = warmup
        self.start_factor = None if start_factor is None else fraction("ScheduleLR", "start_factor", start_factor)
        self.total_steps = check_total_steps("ScheduleLR", total_steps)
        self._clock = Clock(self, self._write, self.total_steps)
        self._rates = Rates([])
        self._schedules: list[Schedule] = []

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        refuse_schedulers("ScheduleLR", trainer)
        self._rates = Rates(trainer.optimizers)  # a resumed run's groups will soon hold the scheduled rate instead

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._clock.attach(trainer)
        plans = self._clock.horizons
        self._schedules = [compose(self.spec, h, warmup=self.warmup, start_factor=self.start_factor) for h in plans]
        for text in {describe(self.spec, horizon, warmup=self.warmup) for horizon in plans}:
            say("ScheduleLR", text)
        for index in range(len(plans)):
            self._write(index)

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

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"steps": list(self._clock.steps), "settings": self._settings}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._clock.steps = list(state_dict["steps"])
        if state_dict["settings"] != self._settings:
            say("ScheduleLR", f"goes on with {self._settings}; the checkpoint had {state_dict['settings']}.")

    @property
    def _settings(self) -> str:
        return f"{self.spec}, warmup={self.warmup!r}, start_factor={self.start_factor}, total_steps={self.total_steps}"

    def _write(self, index: int) -> None:
        self._rates.write(index, self._schedules[index](self._clock.steps[index]))
