"""The base rate, unchanged."""

from dataclasses import dataclass
from typing import final

from typing_extensions import override

from lightning_regkit._checks import non_negative_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec

__all__ = ["Constant", "constant"]


def constant() -> Schedule:
    """Build the schedule factor(t) = 1.

    Returns:
        A picklable function of the step t >= 0 that is 1 everywhere.

    Example:
        >>> constant()(1000)
        1.0
    """
    return _factor


@final
@dataclass(frozen=True)
class Constant(ScheduleSpec):
    """The base rate throughout; alone with a warmup, or as the baseline of a comparison.

    Returns:
        An immutable, hashable value.

    Example:
        >>> from lightning_regkit.schedules import Constant, Horizon
        >>> Constant().build(Horizon(total_steps=None))(3)
        1.0
    """

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        return constant()

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        return f"Constant: x1 from step {warmup_steps} on"


def _factor(step: int) -> float:
    non_negative_int("schedules.constant", "step", step)
    return 1.0
