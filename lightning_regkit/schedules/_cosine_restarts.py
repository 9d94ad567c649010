"""Warm restarts: cosines one after another, each longer than the last, or lower."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, repeat, takewhile
from operator import mul
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, message, non_negative_int, positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._cosine import cosine_factor
from lightning_regkit.schedules._lengths import check_length, enumerated, length_steps, positive_fraction
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_after_warmup

__all__ = ["CosineRestarts", "cosine_restarts"]


def cosine_restarts(
    *, total_steps: int, cycle_steps: int, cycle_mult: int = 1, peak_decay: float = 1.0, final_factor: float = 0.0
) -> Schedule:
    """Build the schedule factor(t) = f + (p_i - f) (1 + cos(pi k / n_i)) / 2 at offset k of cycle i.

    Cycle i has n_i = n m^i steps and the peak p_i = max(d^i, f). Step T restarts nothing: where a cycle ends there, its
    floor belongs to it; where T cuts one short, the factor stays where it is.

    Args:
        total_steps: T, >= 1.
        cycle_steps: n, steps of the first cycle, in [1, T].
        cycle_mult: m, length of a cycle in lengths of the one before, >= 1.
        peak_decay: d, peak of a cycle in peaks of the one before, in (0, 1].
        final_factor: f, the floor, in [0, 1].

    Returns:
        A picklable function of the step t >= 0: exactly 1 at 0, never rising inside a cycle, constant from T on,
        exactly ``final_factor`` if a cycle ends there.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = cosine_restarts(total_steps=6, cycle_steps=2, cycle_mult=2, peak_decay=0.5)
        >>> [round(schedule(step), 4) for step in range(8)]
        [1.0, 0.5, 0.5, 0.4268, 0.25, 0.0732, 0.0, 0.0]

    Reference:
        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, equation 5; the decay of
        the peak is their outlook in section 3 and ``cycle_decay`` of timm.

    Differs from the paper:
        The run ends: there is no restart at step T. A step has the factor of its beginning, so the last step of a cycle
        is above the floor; ``cyclic_cosine`` ends its cycles on it.
    """
    owner = "schedules.cosine_restarts"
    positive_int(owner, "total_steps", total_steps)
    positive_int(owner, "cycle_steps", cycle_steps)
    _check(owner, cycle_mult, peak_decay, final_factor)
    if cycle_steps > total_steps:
        raise ValueError(message(owner, "cycle_steps", f"be at most total_steps, {total_steps}", cycle_steps))
    bounds = _bounds(total_steps, cycle_steps, cycle_mult)
    return partial(_factor, total_steps=total_steps, bounds=bounds, peak_decay=peak_decay, final_factor=final_factor)


@final
@dataclass(frozen=True)
class CosineRestarts(ScheduleSpec):
    """Cosine cycles with warm restarts, from the end of warmup to the end of the run.

    Args:
        first_cycle: Length of the first cycle, such as ``"10ep"``, measured once, at the start of the run; an integer
            counts steps.
        cycle_mult: Length of a cycle in lengths of the one before, >= 1.
        peak_decay: Peak of a cycle in peaks of the one before, in (0, 1].
        final_factor: Factor of the base rate at the floor, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> from lightning_regkit.schedules import CosineRestarts, Horizon
        >>> CosineRestarts(first_cycle=10, cycle_mult=2).describe(Horizon(total_steps=70))
        'CosineRestarts: x1 at step 0, restarts at step 10 (x1), 30 (x1), to x0 at step 70, the end of the run'
    """

    first_cycle: int | str
    cycle_mult: int = 1
    peak_decay: float = 1.0
    final_factor: float = 0.0

    def __post_init__(self) -> None:
        check_length("CosineRestarts", "first_cycle", self.first_cycle)
        _check("CosineRestarts", self.cycle_mult, self.peak_decay, self.final_factor)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        total, cycle = self._lengths(horizon, warmup_steps)
        shape = partial(cosine_restarts, peak_decay=self.peak_decay, final_factor=self.final_factor)
        return shape(total_steps=total, cycle_steps=cycle, cycle_mult=self.cycle_mult)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        total, cycle = self._lengths(horizon, warmup_steps)
        schedule, bounds = self.build(horizon, warmup_steps), _bounds(total, cycle, self.cycle_mult)
        at = [f"{warmup_steps + start} (x{schedule(start):.3g})" for start in bounds[1:-1]]
        restarts = f"restarts at step {enumerated(at)}, " if at else ""
        end = f"to x{schedule(total):.3g} at step {warmup_steps + total}, the end of the run"
        cut = ", which cuts the last cycle short" if bounds[-1] > total else ""
        return f"CosineRestarts: x1 at step {warmup_steps}, {restarts}{end}{cut}"

    def _lengths(self, horizon: Horizon, warmup_steps: int) -> tuple[int, int]:
        total = steps_after_warmup("CosineRestarts", horizon, warmup_steps)
        cycle = length_steps("CosineRestarts", "first_cycle", self.first_cycle, horizon)
        if cycle > total:
            condition, remedy = f"be at most the {total} steps after the warmup", f"It takes {cycle} steps."
            raise ValueError(message("CosineRestarts", "first_cycle", condition, self.first_cycle, remedy))
        return total, cycle


def _check(owner: str, cycle_mult: int, peak_decay: float, final_factor: float) -> None:
    positive_int(owner, "cycle_mult", cycle_mult)
    positive_fraction(owner, "peak_decay", peak_decay)
    fraction(owner, "final_factor", final_factor)


def _bounds(total_steps: int, cycle_steps: int, cycle_mult: int) -> tuple[int, ...]:
    lengths = accumulate(chain([cycle_steps], repeat(cycle_mult)), mul)
    starts = list(takewhile(lambda start: start < total_steps, accumulate(lengths, initial=0)))
    return (*starts, starts[-1] + cycle_steps * cycle_mult ** (len(starts) - 1))


def _factor(step: int, *, total_steps: int, bounds: tuple[int, ...], peak_decay: float, final_factor: float) -> float:
    done = min(non_negative_int("schedules.cosine_restarts", "step", step), total_steps)
    cycle = min(bisect_right(bounds, done), len(bounds) - 1) - 1
    peak = max(peak_decay**cycle, final_factor)
    elapsed = (done - bounds[cycle]) / (bounds[cycle + 1] - bounds[cycle])
    return final_factor + (peak - final_factor) * cosine_factor(elapsed, 0.0)
