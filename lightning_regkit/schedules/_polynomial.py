"""A power of the share of the run that is left."""

import math
from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, non_negative_int, positive_float, positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_after_warmup

__all__ = ["Polynomial", "polynomial"]


def polynomial(*, total_steps: int, power: float = 1.0, final_factor: float = 0.0) -> Schedule:
    """Build the schedule factor(t) = f + (1 - f) (1 - t / T)^p.

    Args:
        total_steps: T, steps from the peak to the end, >= 1.
        power: p, above 0; 1 is a straight line, 2 falls early, 0.5 falls late.
        final_factor: f, factor at step T and after it, in [0, 1].

    Returns:
        A picklable function of the step t >= 0: exactly 1 at 0, never rising, exactly ``final_factor`` from T on.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = polynomial(total_steps=4, power=2)
        >>> [schedule(step) for step in range(6)]
        [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]

    Reference:
        Chen et al., "DeepLab", 2018 (the "poly" policy, power 0.9); torch.optim.lr_scheduler.PolynomialLR;
        optax.polynomial_schedule.
    """
    positive_int("schedules.polynomial", "total_steps", total_steps)
    positive_float("schedules.polynomial", "power", power)
    fraction("schedules.polynomial", "final_factor", final_factor)
    return partial(_factor, total_steps=total_steps, power=power, final_factor=final_factor)


@final
@dataclass(frozen=True)
class Polynomial(ScheduleSpec):
    """A power of the share that is left, from the end of warmup to the end of the run.

    Args:
        power: Above 0; 1 is a straight line, 2 falls early, 0.5 falls late.
        final_factor: Factor of the base rate at the end of the run, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> from lightning_regkit.schedules import Horizon, Polynomial
        >>> Polynomial(power=2).build(Horizon(total_steps=5), warmup_steps=1)(2)
        0.25
    """

    power: float = 1.0
    final_factor: float = 0.0

    def __post_init__(self) -> None:
        positive_float("Polynomial", "power", self.power)
        fraction("Polynomial", "final_factor", self.final_factor)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        total = steps_after_warmup("Polynomial", horizon, warmup_steps)
        return polynomial(total_steps=total, power=self.power, final_factor=self.final_factor)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        end = warmup_steps + steps_after_warmup("Polynomial", horizon, warmup_steps)
        fall = f"by power {self.power:g} to x{self.final_factor:g} at step {end}, the end of the run"
        return f"Polynomial: x1 at step {warmup_steps}, {fall}"


def _factor(step: int, *, total_steps: int, power: float, final_factor: float) -> float:
    left = total_steps - min(non_negative_int("schedules.polynomial", "step", step), total_steps)
    # In this order rounding can neither pass 1 nor miss the final factor.
    return final_factor + (1 - final_factor) * math.pow(left / total_steps, power)
