"""Cycles that share the time of a run, planned from how long its steps take."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, final

from typing_extensions import override

from lightning_regkit._lightning import say
from lightning_regkit._lightning._time_limit import elapsed_s
from lightning_regkit.callbacks._cycle_plans import CyclePlan, Saved
from lightning_regkit.callbacks._cycle_settings import OWNER
from lightning_regkit.ensemble._timed import Reading, TimedCycle
from lightning_regkit.ensemble._timed_run import TimedRun
from lightning_regkit.schedules import constant, with_warmup

if TYPE_CHECKING:
    from lightning_regkit._lightning import Clock, pl

__all__ = ["TimedPlan"]


@final
class TimedPlan(CyclePlan):
    """Reads the clock of the first process where that is due, and stops the run after the last cycle.

    Args:
        run: Of which nothing is measured.
    """

    def __init__(self, run: TimedRun) -> None:
        self._run = run
        self._warmup = with_warmup(constant(), warmup_steps=run.cycle.start)
        self._warmup_steps = run.cycle.start

    @override
    def is_end(self, step: int) -> bool:
        return self._run.is_end(step)

    @override
    def is_between(self, step: int) -> bool:
        return self._run.is_between(step)

    @override
    def factor(self, step: int) -> float:
        return self._warmup(step) if step < self._warmup_steps else self._run.factor(step)

    @override
    def describe(self) -> str:
        bound = "" if self._run.bound is None else f" or {self._run.bound} steps, whichever end first"
        limit = f"{timedelta(seconds=round(self._run.limit_s))} of training{bound}"
        return f"takes {self._run.num_cycles} members in {limit}, at ends of cycles planned from the time of a step"

    @override
    def begin(self, trainer: "pl.Trainer", step: int, taken: Sequence[int], saved: Saved) -> None:
        start = max((self._warmup_steps, *taken))
        cycle = TimedCycle(start, start)
        if saved is not None and saved["start"] == start:
            cycle = TimedCycle(**saved)
        limit_s = trainer.strategy.broadcast(self._run.limit_s)
        self._run = replace(self._run, limit_s=limit_s, cycle=cycle, ended=len(taken)).begun(step)
        self._stop(trainer, step)

    @override
    def advance(self, trainer: "pl.Trainer", step: int) -> None:
        if self._run.is_due(step):
            self._read(trainer, step)
            self._stop(trainer, step)

    @override
    def review(self, trainer: "pl.Trainer", step: int) -> bool:
        is_due = self._run.first is not None and not self._run.is_over  # the first step takes no part
        if is_due:
            self._read(trainer, step)
        return is_due

    @override
    def report(self, clock: "Clock", *, is_driven: bool) -> None:
        (step,) = clock.steps
        if not self._run.is_over:
            cycle = f"cycle {self._run.ended + 1} of {self._run.num_cycles}"
            rate = f", its rate at x{self.factor(step - 1):.3g} of the base rate" if is_driven and step > 0 else ""
            say(OWNER, f"the run ended at step {step}, before the end of {cycle}{rate}: no member is taken of it.")

    @override
    def save(self) -> Saved:
        return asdict(self._run.cycle)

    def _read(self, trainer: "pl.Trainer", step: int) -> None:
        self._run = self._run.read(Reading(step, elapsed_s(trainer)))

    def _stop(self, trainer: "pl.Trainer", step: int) -> None:
        if self._run.is_over and step != self._run.bound:
            trainer.should_stop = True
            say(OWNER, f"stops the run after step {step}, for the last of {self._run.num_cycles} cycles has ended.")
