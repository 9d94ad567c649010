"""All cycles of a run with a time limit: which one it is, when it ends, when it is planned anew."""

from dataclasses import dataclass, replace
from typing import final

from lightning_regkit._checks import message
from lightning_regkit.ensemble._timed import Reading, TimedCycle, cycle_factor, plan_cycle, steps_in_time

__all__ = ["TimedRun", "timed_run"]


@final
@dataclass(frozen=True)
class TimedRun:
    """What is planned of a run with a time limit, at one moment. Nothing in it reads a clock.

    Step time is the mean since the first step of the process, so that one takes no part in it: it compiles, starts
    workers and fills caches. A plan is made where a cycle begins, again as soon as twice as many steps were measured,
    and again when half of the steps it had left are done: a few dozen readings of the clock for a million steps, and
    the nearer the end the finer.

    Args:
        num_cycles: M, >= 1.
        limit_s: Seconds that training may take.
        cycle: The one in progress; the first begins after the warmup.
        bound: Steps after which the run ends by itself, whatever the clock says; None where nothing else ends it.
        ended: How many cycles have ended.
        first: The clock after the first step of this process.
        review_at: Steps done when the clock is read again.

    Example:
        >>> run = timed_run(num_cycles=2, limit_s=12.0).begun(0)
        >>> for step in range(1, 7):  # a second each
        ...     run = run.read(Reading(step, float(step))) if run.is_due(step) else run
        >>> run.ended, run.is_between(6), run.factor(6)
        (1, True, 1.0)
    """

    num_cycles: int
    limit_s: float
    cycle: TimedCycle
    bound: int | None = None
    ended: int = 0
    first: Reading | None = None
    review_at: int = 0

    @property
    def is_over(self) -> bool:
        """Whether all cycles have ended."""
        return self.ended >= self.num_cycles

    def is_end(self, step: int) -> bool:
        """Tell whether the cycle in progress ends after so many steps."""
        return not self.is_over and step == self.cycle.end

    def is_between(self, step: int) -> bool:
        """Tell whether one cycle has ended after so many steps and another begins."""
        return 0 < self.ended < self.num_cycles and step == self.cycle.start

    def is_due(self, step: int) -> bool:
        """Tell whether the clock is to be read after so many steps."""
        if self.is_over:
            return False
        return self.first is None or self.is_end(step) or step >= max(self.review_at, self.cycle.start)

    def factor(self, step: int) -> float:
        """Return the factor of the rate for a step: 1 where a cycle begins, 0 for its last step, and never rising."""
        return cycle_factor(self.cycle.progress_at(step))

    def begun(self, step: int) -> "TimedRun":
        """Return the plan before the first step of a process, as far as there is one without a clock."""
        return self if self.is_over else _planned(self, max(step, self.cycle.start), None)

    def read(self, now: Reading) -> "TimedRun":
        """Return the plan after the clock was read: the next cycle where one ends, the same one planned anew elsewhere.

        Args:
            now: After a step, or right before the next.
        """
        first = self.first or now
        run = replace(_turned(self, now.step), first=first)
        if run.is_over or now.step < run.cycle.start:
            return run
        planned = _planned(run, now.step, steps_in_time(first, now, self.limit_s))
        half = (planned.cycle.left or 0) // 2
        return replace(planned, review_at=now.step + max(min(now.step - first.step, half), 1))


def timed_run(num_cycles: int, limit_s: float, *, warmup_steps: int = 0, bound: int | None = None) -> TimedRun:
    """Return the cycles of a run of which nothing is measured.

    Args:
        num_cycles: M, at most half of the steps after the warmup where their number is bounded.
        limit_s: Seconds that training may take.
        warmup_steps: Steps before the first cycle.
        bound: Steps after which the run ends by itself, or None.

    Raises:
        ValueError: There are too many cycles.

    Example:
        >>> timed_run(2, 60.0, warmup_steps=5).cycle
        TimedCycle(start=5, step=5, progress=0.0, left=None)
    """
    if bound is not None and bound - warmup_steps < 2 * num_cycles:
        condition = f"be at most half of the {bound - warmup_steps} steps after the warmup"
        remedy = "Where there is a time limit, a cycle has two steps or more."
        raise ValueError(message("SnapshotEnsemble", "num_cycles", condition, num_cycles, remedy))
    return TimedRun(num_cycles, limit_s, TimedCycle(warmup_steps, warmup_steps), bound)


def _turned(run: TimedRun, step: int) -> TimedRun:
    if not run.is_end(step):
        return run
    ended = run.ended + 1
    is_last = ended == run.num_cycles  # past its end its progress stays 1
    return replace(run, ended=ended, cycle=run.cycle if is_last else TimedCycle(step, step))


def _planned(run: TimedRun, step: int, fits: int | None) -> TimedRun:
    if fits is None and run.cycle.left is not None:  # it is as good as any until time is measured
        return run
    left = [steps for steps in (fits, None if run.bound is None else max(run.bound - step, 0)) if steps is not None]
    if not left:
        return run
    cycle = plan_cycle(run.cycle, step, steps_left=min(left), cycles_left=run.num_cycles - run.ended)
    return replace(run, cycle=cycle)
