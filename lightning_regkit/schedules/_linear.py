"""A straight line from the base rate down to a floor."""

from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, non_negative_int, positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_after_warmup

__all__ = ["Linear", "linear"]


def linear(*, total_steps: int, final_factor: float = 0.0) -> Schedule:
    """Build the schedule factor(t) = f + (1 - f) (T - t) / T.

    Args:
        total_steps: T, steps from the peak to the end, >= 1.
        final_factor: f, factor at step T and after it, in [0, 1].

    Returns:
        A picklable function of the step t >= 0: exactly 1 at 0, never rising, exactly ``final_factor`` from T on.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = linear(total_steps=4)
        >>> [schedule(step) for step in range(6)]
        [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    positive_int("schedules.linear", "total_steps", total_steps)
    fraction("schedules.linear", "final_factor", final_factor)
    return partial(_factor, total_steps=total_steps, final_factor=final_factor)


@final
@dataclass(frozen=True)
class Linear(ScheduleSpec):
    """A straight line from the end of warmup to the end of the run.

    Args:
        final_factor: Factor of the base rate at the end of the run, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: ``final_factor`` is not a number.
        ValueError: ``final_factor`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import Horizon, Linear
        >>> Linear().build(Horizon(total_steps=5), warmup_steps=1)(3)
        0.25
    """

    final_factor: float = 0.0

    def __post_init__(self) -> None:
        fraction("Linear", "final_factor", self.final_factor)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        return linear(total_steps=steps_after_warmup("Linear", horizon, warmup_steps), final_factor=self.final_factor)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        end = warmup_steps + steps_after_warmup("Linear", horizon, warmup_steps)
        return (
            f"Linear: x1 at step {warmup_steps}, straight to x{self.final_factor:g} at step {end}, the end of the run"
        )


def _factor(step: int, *, total_steps: int, final_factor: float) -> float:
    steps_left = total_steps - min(non_negative_int("schedules.linear", "step", step), total_steps)
    # In this order rounding can neither pass 1 nor miss the final factor.
    return final_factor + (1 - final_factor) * (steps_left / total_steps)
