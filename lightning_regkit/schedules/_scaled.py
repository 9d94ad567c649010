"""Any schedule, lower."""

from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._lengths import positive_fraction
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec

__all__ = ["Scaled", "scaled"]


def scaled(schedule: Schedule, factor: float) -> Schedule:
    """Build the schedule t -> factor * schedule(t).

    Args:
        schedule: What is scaled, on the same clock.
        factor: In (0, 1]: a schedule is never above the base rate, which is what to raise.

    Returns:
        A picklable function (if ``schedule`` is) of the step t >= 0.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: ``factor`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import linear
        >>> schedule = scaled(linear(total_steps=2), 0.5)
        >>> [schedule(step) for step in range(4)]
        [0.5, 0.25, 0.0, 0.0]
    """
    if not callable(schedule):
        remedy = "For a spec, write Scaled(spec, factor)."
        raise TypeError(message("schedules.scaled", "schedule", "be a function of the step", schedule, remedy))
    return partial(_factor, schedule=schedule, factor=positive_fraction("schedules.scaled", "factor", factor))


@final
@dataclass(frozen=True)
class Scaled(ScheduleSpec):
    """A spec whose factors are all multiplied by one number; a piece of a ``Join``, most often.

    Args:
        spec: What is scaled.
        factor: In (0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: ``factor`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import Constant, Horizon, Scaled
        >>> Scaled(Constant(), 0.1).describe(Horizon(total_steps=90))
        'Scaled: x0.1 times (Constant: x1 from step 0 on)'
    """

    spec: ScheduleSpec
    factor: float

    def __post_init__(self) -> None:
        if not isinstance(self.spec, ScheduleSpec):
            raise TypeError(message("Scaled", "spec", "be a spec of lightning_regkit.schedules", self.spec))
        positive_fraction("Scaled", "factor", self.factor)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        return scaled(self.spec.build(horizon, warmup_steps), self.factor)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        return f"Scaled: x{self.factor:g} times ({self.spec.describe(horizon, warmup_steps)})"


def _factor(step: int, *, schedule: Schedule, factor: float) -> float:
    return factor * schedule(step)
