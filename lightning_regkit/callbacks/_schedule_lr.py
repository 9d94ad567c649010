"""A learning-rate schedule for any LightningModule, in optimizer steps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._checks import fraction, message, positive_int
from lightning_regkit._durations import parse
from lightning_regkit._lightning import Clock, Rates, horizons, pl, refuse_schedulers, say
from lightning_regkit.schedules import ScheduleSpec, compose, describe

if TYPE_CHECKING:
    from lightning_regkit.schedules import Horizon, Schedule

__all__ = ["ScheduleLR"]


@final
class ScheduleLR(pl.Callback):
    """Drive the learning rate of every parameter group: its base rate times the schedule's factor at each step.

    Time is counted in optimizer steps, so accumulation (fixed or scheduled), several devices, steps that mixed
    precision skips, L-BFGS closures and manual optimization leave the curve as declared. The rate for step t + 1 is
    written right after step t: whatever reads it later, ``LearningRateMonitor`` in any order, reads the rate in use.

    Acts in ``on_fit_start`` (reads base rates), ``on_train_start`` (prints the plan, writes the first rate) and after
    each optimizer step. Writes ``param_groups[i]["lr"]``. Saves the steps done; on resume the settings in the code win,
    and a line says so. Every rank writes the same rates.

    Args:
        spec: The shape, such as ``Cosine()`` or ``Milestones(["30ep", "60ep"])``.
        warmup: Length of a linear warmup in front of it: ``"5ep"``, ``"500step"``, ``"0.05run"``; 0 for none.
        start_factor: Factor at step 0 of the warmup, in [0, 1]; None means 1 / warmup steps, so that no step is wasted.
        total_steps: Steps of the run (a list: of each optimizer), where the Trainer cannot know them: manual
            optimization that does not step once a batch. None takes the Trainer's own bounds.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument, or its length in this run, is out of range; or another scheduler drives the rates.
        UnknownTotalError: In fit, the schedule needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> spec = rk.schedules.Cosine(final_factor=0.01)
        >>> schedule = rk.callbacks.ScheduleLR(spec, warmup="5ep")  # Trainer(callbacks=[schedule, ...])

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2 (warmup that moves every iteration).
    """

    def __init__(
        self,
        spec: ScheduleSpec,
        warmup: str | int = 0,
        *,
        start_factor: float | None = None,
        total_steps: int | Sequence[int] | None = None,
    ) -> None:
        if not isinstance(spec, ScheduleSpec):
            remedy = "Pass one of lightning_regkit.schedules, such as Cosine()."
            raise TypeError(message("ScheduleLR", "spec", "be a schedule spec", spec, remedy))
        parse(warmup, owner="ScheduleLR", argument="warmup")
        self.spec = spec
        self.warmup = warmup
        self.start_factor = None if start_factor is None else fraction("ScheduleLR", "start_factor", start_factor)
        self.total_steps = _totals(total_steps)
        self._clock = Clock(self, self._write)
        self._rates = Rates([])
        self._horizons: list[Horizon] = []
        self._schedules: list[Schedule] = []
        self._batches: int | float = 0

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        refuse_schedulers("ScheduleLR", trainer)
        self._rates = Rates(trainer.optimizers)  # a resumed run's groups will soon hold the scheduled rate instead

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._horizons = horizons("ScheduleLR", trainer, self.total_steps)
        self._schedules = [
            compose(self.spec, horizon, warmup=self.warmup, start_factor=self.start_factor)
            for horizon in self._horizons
        ]
        for text in dict.fromkeys(describe(self.spec, horizon, warmup=self.warmup) for horizon in self._horizons):
            say("ScheduleLR", text)
        self._batches = trainer.num_training_batches
        self._clock.attach(trainer)
        for index in range(len(self._schedules)):
            self._write(index)

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if trainer.num_training_batches != self._batches and self.total_steps is None:
            remedy = "Pass total_steps= with the optimizer steps of the whole run."
            found, planned = trainer.num_training_batches, self._batches
            raise ValueError(message("ScheduleLR", "batches per epoch", f"stay {planned} as planned", found, remedy))

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not pl_module.automatic_optimization and self.total_steps is None:
            self._clock.refuse_drift(trainer)

    @override
    def on_train_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        for index, (horizon, done) in enumerate(zip(self._horizons, self._clock.steps, strict=True)):
            if horizon.total_steps is not None and done < horizon.total_steps:
                say("ScheduleLR", f"optimizer {index} ended at step {done} of the {horizon.total_steps} planned.")
        self._clock.detach()

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


def _totals(value: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(positive_int("ScheduleLR", "total_steps", item) for item in value)
    return None if value is None else positive_int("ScheduleLR", "total_steps", value)
