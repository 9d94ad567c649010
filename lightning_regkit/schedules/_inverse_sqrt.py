"""One over the square root of the step: no end to plan for."""

import math
from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import message, non_negative_int, positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._lengths import check_length, clocked, end_of, length_steps
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_left

__all__ = ["InverseSqrt", "inverse_sqrt"]


def inverse_sqrt(*, timescale: int) -> Schedule:
    """Build the schedule factor(t) = sqrt(n / (n + t)).

    Args:
        timescale: n, steps after which n + t is twice n, >= 1; the length of the warmup in the paper.

    Returns:
        A picklable function of the step t >= 0: exactly 1 at 0, falling, above 0, without an end.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = inverse_sqrt(timescale=4)
        >>> [round(schedule(step), 4) for step in (0, 5, 12, 32)]
        [1.0, 0.6667, 0.5, 0.3333]

    Reference:
        Vaswani et al., "Attention Is All You Need", 2017, equation 3: ``with_warmup(inverse_sqrt(timescale=n),
        warmup_steps=n, start_factor=0.0)`` at step s >= 1 is its rate at step_num s, divided by its largest.

    Differs from the paper:
        The rate comes from the optimizer, not from the width of the model. Its first step is step_num 1, ours step 0.
    """
    positive_int("schedules.inverse_sqrt", "timescale", timescale)
    return partial(_factor, timescale=timescale)


@final
@dataclass(frozen=True)
class InverseSqrt(ScheduleSpec):
    """One over the square root of the step, from the end of warmup.

    Args:
        timescale: Length after which the root's argument has doubled, such as ``"4000step"``; None takes the length of
            the warmup, as in the paper.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: ``timescale`` is of the wrong kind.
        ValueError: ``timescale`` is no duration or zero.

    Example:
        >>> from lightning_regkit.schedules import Horizon, InverseSqrt
        >>> InverseSqrt().build(Horizon(total_steps=None), warmup_steps=4000)(12000)
        0.5
    """

    timescale: int | str | None = None

    def __post_init__(self) -> None:
        if self.timescale is not None:
            check_length("InverseSqrt", "timescale", self.timescale)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        last = steps_left("InverseSqrt", horizon, warmup_steps)
        schedule = inverse_sqrt(timescale=self._timescale(horizon, warmup_steps))
        return clocked("schedules.inverse_sqrt", schedule, first=0, last=last)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        end = end_of(self.build(horizon, warmup_steps), horizon, warmup_steps)
        timescale = self._timescale(horizon, warmup_steps)
        return f"InverseSqrt: x1 at step {warmup_steps}, x0.5 after {3 * timescale} steps more, {end}"

    def _timescale(self, horizon: Horizon, warmup_steps: int) -> int:
        if self.timescale is not None:
            return length_steps("InverseSqrt", "timescale", self.timescale, horizon)
        if warmup_steps == 0:
            remedy = "Pass warmup=, whose length it then has, or a length such as '4000step'."
            raise ValueError(message("InverseSqrt", "timescale", "be given where there is no warmup", None, remedy))
        return warmup_steps


def _factor(step: int, *, timescale: int) -> float:
    return math.sqrt(timescale / (timescale + non_negative_int("schedules.inverse_sqrt", "step", step)))
