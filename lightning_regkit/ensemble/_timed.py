"""A cycle of a run that ends at a time, not after a number of steps: planned from how long steps take."""

import math
from dataclasses import dataclass
from typing import Final, final

from lightning_regkit._checks import message, positive_float, positive_int

__all__ = ["Reading", "TimedCycle", "cycle_factor", "plan_cycle", "steps_in_time"]

#: What is kept of a time limit, for steps that take longer than those before: a share, a minute at most ...
SPARE_SHARE: Final = 0.01
#: ... and the time of a step at least.
MOST_SPARE_S: Final = 60.0


@final
@dataclass(frozen=True)
class Reading:
    """What the clock says after so many steps.

    Args:
        step: Steps done.
        elapsed_s: Seconds of training.
    """

    step: int
    elapsed_s: float


@final
@dataclass(frozen=True)
class TimedCycle:
    """A cycle as it is planned at one step.

    Args:
        start: Steps done when it began.
        step: Steps done at the moment of the plan.
        progress: Share of the cycle that is over for step ``step``, in [0, 1].
        left: Steps from there to its end, >= 1; None as long as no end is known.
    """

    start: int
    step: int
    progress: float = 0.0
    left: int | None = None

    @property
    def end(self) -> int | None:
        """Steps done when it ends, as far as is known."""
        return None if self.left is None else self.step + self.left

    def progress_at(self, step: int) -> float:
        """Return the share that is over for a step: in a straight line to exactly 1 at the last, and 1 from there on.

        As long as no end is known it stays what it is.
        """
        ahead = max(step - self.step, 0)
        if self.left is None:
            return self.progress
        if ahead >= self.left - 1:
            return 1.0
        return self.progress + (1 - self.progress) * (ahead / (self.left - 1))


def cycle_factor(progress: float) -> float:
    """Return the factor of the rate where the share u of a cycle is over: (1 + cos(pi u)) / 2.

    Args:
        progress: u, in [0, 1].

    Returns:
        1 at 0, 0 at 1, both exactly; never more for a larger u.

    Example:
        >>> [cycle_factor(progress) for progress in (0.0, 0.5, 1.0)]
        [1.0, 0.5, 0.0]
    """
    return (1 + math.cos(math.pi * progress)) / 2


def steps_in_time(first: Reading, now: Reading, limit_s: float) -> int | None:
    """Estimate how many more steps end before a time limit, at the mean pace between two readings.

    One hundredth of the limit is kept, a minute at most, and the time of a step at least. What happens between steps
    (validations, files) is in the mean.

    Args:
        first: The earlier reading. Not the start of the run: its first step takes longer than the others.
        now: The later one.
        limit_s: Seconds that training may take, > 0.

    Returns:
        Steps to the nearest, halves up, >= 0; None where no step or no time lies between the readings.

    Raises:
        TypeError: The limit is no number.
        ValueError: It is not above 0.

    Example:
        >>> steps_in_time(Reading(1, 5.0), Reading(11, 25.0), 100.0)  # 2 s a step, 98 s to use
        37
    """
    positive_float("ensemble.steps_in_time", "limit_s", limit_s)
    steps, seconds = now.step - first.step, now.elapsed_s - first.elapsed_s
    if steps <= 0 or seconds <= 0:
        return None
    step_s = seconds / steps
    spare_s = max(min(SPARE_SHARE * limit_s, MOST_SPARE_S), step_s)
    return max(math.floor((limit_s - spare_s - now.elapsed_s) / step_s + 0.5), 0)


def plan_cycle(cycle: TimedCycle, step: int, *, steps_left: int, cycles_left: int) -> TimedCycle:
    """Plan a cycle anew: its steps, and those that the run has left, in equal parts for it and the cycles after it.

    Args:
        cycle: The plan so far.
        step: Steps done, from its start on.
        steps_left: Steps until the end of the run, >= 0, as far as is known now.
        cycles_left: How many cycles end there, this one too, >= 1.

    Returns:
        The plan from ``step`` on, with one step left at least, and two where the cycle begins. Its progress is that of
        the plan so far, or the share of the cycle's steps that are done where that is more: the rate never rises.

    Raises:
        TypeError: ``cycles_left`` is no integer.
        ValueError: It is below 1, or the cycle has not begun.

    Example:
        >>> plan_cycle(TimedCycle(start=0, step=0), 4, steps_left=16, cycles_left=2)
        TimedCycle(start=0, step=4, progress=0.4444444444444444, left=6)
    """
    positive_int("ensemble.plan_cycle", "cycles_left", cycles_left)
    done = step - cycle.start
    if done < 0:
        raise ValueError(message("ensemble.plan_cycle", "step", f"be at least {cycle.start}, its start", step))
    length = (2 * (done + steps_left) + cycles_left) // (2 * cycles_left)
    left = max(length - done, 1 if done else 2)
    return TimedCycle(cycle.start, step, max(cycle.progress_at(step), done / (done + left - 1)), left)
