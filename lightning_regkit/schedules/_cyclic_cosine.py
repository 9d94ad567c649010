"""Cosines one after another, each ending on the floor, where a snapshot is worth taking."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, message, non_negative_int, positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._cosine import cosine_factor
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_after_warmup

__all__ = ["CyclicCosine", "cyclic_cosine"]


def cyclic_cosine(*, total_steps: int, num_cycles: int, final_factor: float = 0.0) -> Schedule:
    """Build the schedule factor(t) = f + (1 - f) (1 + cos(pi k / (n - 1))) / 2 at offset k of a cycle of n steps.

    Cycle i = 0 ... M - 1 runs from step b_i to b_(i+1) - 1, where b_i = i T / M rounded to the nearest, halves up.
    A cycle of a single step has no room to fall and stays at 1.

    Args:
        total_steps: T, steps of all cycles, >= 1.
        num_cycles: M, in [1, T].
        final_factor: f, the floor, in [0, 1].

    Returns:
        A picklable function of the step t >= 0: exactly 1 at the first step of every cycle, never rising inside one,
        exactly ``final_factor`` at the last step of every cycle longer than one step, and from T on.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = cyclic_cosine(total_steps=6, num_cycles=2)
        >>> [schedule(step) for step in range(8)]
        [1.0, 0.5, 0.0, 1.0, 0.5, 0.0, 0.0, 0.0]

    Reference:
        Huang et al., "Snapshot Ensembles: Train 1, Get M for Free", 2017, equation 2.

    Differs from the paper:
        Equation 2 divides by n, not n - 1, so its last step of a cycle is above the floor; here that step, after which
        the snapshot is taken, is on it. Its cycles have ceil(T / M) steps, so its last one is cut short above the floor
        unless M divides T; here lengths differ by at most one step. Its t counts from 1, ours from 0.
    """
    positive_int("schedules.cyclic_cosine", "total_steps", total_steps)
    positive_int("schedules.cyclic_cosine", "num_cycles", num_cycles)
    fraction("schedules.cyclic_cosine", "final_factor", final_factor)
    if num_cycles > total_steps:
        condition = f"be at most total_steps, {total_steps}"
        raise ValueError(message("schedules.cyclic_cosine", "num_cycles", condition, num_cycles))
    return partial(_factor, bounds=_bounds(total_steps, num_cycles), final_factor=final_factor)


@final
@dataclass(frozen=True)
class CyclicCosine(ScheduleSpec):
    """Cosine cycles of equal length, to within a step, from the end of warmup to the end of the run.

    Args:
        num_cycles: Number of cycles, >= 1.
        final_factor: Factor of the base rate at the last step of each, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> from lightning_regkit.schedules import CyclicCosine, Horizon
        >>> CyclicCosine(num_cycles=2).describe(Horizon(total_steps=20))
        'CyclicCosine: x1 at steps 0, 10; x0 at steps 9, 19, the ends of cycles'
    """

    num_cycles: int = 5
    final_factor: float = 0.0

    def __post_init__(self) -> None:
        positive_int("CyclicCosine", "num_cycles", self.num_cycles)
        fraction("CyclicCosine", "final_factor", self.final_factor)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        total = self._total(horizon, warmup_steps)
        return cyclic_cosine(total_steps=total, num_cycles=self.num_cycles, final_factor=self.final_factor)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        bounds = [warmup_steps + b for b in _bounds(self._total(horizon, warmup_steps), self.num_cycles)]
        peaks = ", ".join(str(start) for start in bounds[:-1])
        lows = ", ".join(str(end - 1) for start, end in pairwise(bounds) if end - start > 1)
        floor = f"; x{self.final_factor:g} at steps {lows}, the ends of cycles" if lows else ""
        return f"CyclicCosine: x1 at steps {peaks}{floor}"

    def _total(self, horizon: Horizon, warmup_steps: int) -> int:
        total = steps_after_warmup("CyclicCosine", horizon, warmup_steps)
        if self.num_cycles > total:
            condition = f"be at most the {total} steps after the warmup"
            raise ValueError(message("CyclicCosine", "num_cycles", condition, self.num_cycles))
        return total


def _bounds(total_steps: int, num_cycles: int) -> tuple[int, ...]:
    return tuple((2 * i * total_steps + num_cycles) // (2 * num_cycles) for i in range(num_cycles + 1))


def _factor(step: int, *, bounds: tuple[int, ...], final_factor: float) -> float:
    if non_negative_int("schedules.cyclic_cosine", "step", step) >= bounds[-1]:
        return final_factor
    cycle = bisect_right(bounds, step) - 1
    last = bounds[cycle + 1] - bounds[cycle] - 1
    return cosine_factor((step - bounds[cycle]) / last, final_factor) if last else 1.0
