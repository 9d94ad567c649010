"""Half a cosine from the base rate down to a floor."""

import math
from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, non_negative_int, positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_after_warmup

__all__ = ["Cosine", "cosine", "cosine_factor"]


def cosine(*, total_steps: int, final_factor: float = 0.0) -> Schedule:
    """Build the schedule factor(t) = f + (1 - f) (1 + cos(pi t / T)) / 2.

    Args:
        total_steps: T, steps from the peak to the end, >= 1.
        final_factor: f, factor at step T and after it, in [0, 1].

    Returns:
        A picklable function of the step t >= 0: exactly 1 at 0, never rising, exactly ``final_factor`` from T on.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = cosine(total_steps=3)
        >>> [round(schedule(step), 4) for step in range(5)]
        [1.0, 0.75, 0.25, 0.0, 0.0]

    Reference:
        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, equation 5, one cycle.

    Differs from the paper:
        Time moves with every step, not in epochs, and the factor stays at the end where theirs restarts.
    """
    positive_int("schedules.cosine", "total_steps", total_steps)
    fraction("schedules.cosine", "final_factor", final_factor)
    return partial(_factor, total_steps=total_steps, final_factor=final_factor)


def cosine_factor(elapsed: float, final_factor: float) -> float:
    """Return the factor of a cosine of which the share ``elapsed``, in [0, 1], is over.

    Args:
        elapsed: Share of the fall that is over.
        final_factor: Value at 1.

    Returns:
        1 at 0, ``final_factor`` at 1, both exactly.

    Example:
        >>> cosine_factor(0.5, 0.0)
        0.5
    """
    # In this order rounding can neither pass 1 nor miss the final factor.
    return final_factor + (1 - final_factor) * ((1 + math.cos(math.pi * elapsed)) / 2)


@final
@dataclass(frozen=True)
class Cosine(ScheduleSpec):
    """Half a cosine from the end of warmup to the end of the run.

    Args:
        final_factor: Factor of the base rate at the end of the run, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: ``final_factor`` is not a number.
        ValueError: ``final_factor`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import Cosine, Horizon
        >>> Cosine(final_factor=0.1).build(Horizon(total_steps=105), warmup_steps=5)(50)
        0.55
    """

    final_factor: float = 0.0

    def __post_init__(self) -> None:
        fraction("Cosine", "final_factor", self.final_factor)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        return cosine(total_steps=steps_after_warmup("Cosine", horizon, warmup_steps), final_factor=self.final_factor)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        end = warmup_steps + steps_after_warmup("Cosine", horizon, warmup_steps)
        return f"Cosine: x1 at step {warmup_steps}, curving to x{self.final_factor:g} at step {end}, the end of the run"


def _factor(step: int, *, total_steps: int, final_factor: float) -> float:
    done = min(non_negative_int("schedules.cosine", "step", step), total_steps)
    return cosine_factor(done / total_steps, final_factor)
