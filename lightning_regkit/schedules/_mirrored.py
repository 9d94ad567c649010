"""Any schedule upside down: low where it is high."""

from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, message
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec

__all__ = ["Mirrored", "mirrored"]

#: Of torch's and fastai's one-cycle: momentum goes from 0.95 to 0.85 and back.
_LOW = 0.85 / 0.95


def mirrored(schedule: Schedule, low: float = _LOW) -> Schedule:
    """Build the schedule t -> 1 - (1 - low) * schedule(t): what momentum does while the rate does ``schedule``.

    Args:
        schedule: What is mirrored, on the same clock, with factors in [0, 1].
        low: Factor where ``schedule`` is at 1, in [0, 1]; the default takes a momentum of 0.95 to 0.85.

    Returns:
        A picklable function (if ``schedule`` is) of the step t >= 0: exactly 1 where ``schedule`` is 0, exactly ``low``
        where it is 1, between them elsewhere.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: ``low`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import linear
        >>> schedule = mirrored(linear(total_steps=2), 0.5)
        >>> [schedule(step) for step in range(4)]
        [0.5, 0.75, 1.0, 1.0]

    Reference:
        Smith, "A Disciplined Approach to Neural Network Hyper-parameters: Part 1", 2018, section 4.3 (cyclical
        momentum, the other way round from the rate); torch's ``OneCycleLR(cycle_momentum=True)``.
    """
    if not callable(schedule):
        remedy = "For a spec, write Mirrored(spec, low)."
        raise TypeError(message("schedules.mirrored", "schedule", "be a function of the step", schedule, remedy))
    return partial(_factor, schedule=schedule, low=fraction("schedules.mirrored", "low", low))


@final
@dataclass(frozen=True)
class Mirrored(ScheduleSpec):
    """A spec upside down, for momentum: ``ScheduleLR(OneCycle(), momentum=Mirrored(OneCycle(start_factor=0)))``.

    Args:
        spec: What is mirrored.
        low: Factor where ``spec`` is at 1, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: ``low`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import Constant, Horizon, Mirrored
        >>> Mirrored(Constant(), 0.9).describe(Horizon(total_steps=90))
        'Mirrored: x1 at 0 and x0.9 at 1 of (Constant: x1 from step 0 on)'
    """

    spec: ScheduleSpec
    low: float = _LOW

    def __post_init__(self) -> None:
        if not isinstance(self.spec, ScheduleSpec):
            raise TypeError(message("Mirrored", "spec", "be a spec of lightning_regkit.schedules", self.spec))
        fraction("Mirrored", "low", self.low)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        return mirrored(self.spec.build(horizon, warmup_steps), self.low)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        return f"Mirrored: x1 at 0 and x{self.low:.3g} at 1 of ({self.spec.describe(horizon, warmup_steps)})"


def _factor(step: int, *, schedule: Schedule, low: float) -> float:
    # In this order rounding can neither miss the ends nor pass them.
    return low + (1 - low) * (1 - schedule(step))
