"""Warmup, stable, decay: the base rate, and a fall at the very end."""

from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, message, non_negative_int, one_of, positive_int
from lightning_regkit._durations import Horizon, steps
from lightning_regkit.schedules._lengths import check_length
from lightning_regkit.schedules._shapes import FALLS, Shape
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_after_warmup

__all__ = ["Trapezoid", "trapezoid"]


def trapezoid(*, total_steps: int, decay_steps: int, final_factor: float = 0.0, shape: Shape = "linear") -> Schedule:
    """Build the schedule that is 1 up to step T - d, then factor(t) = f + (1 - f) g((t - (T - d)) / d).

    g(x) is 1 - x (``linear``), 1 - sqrt(x) (``sqrt``) or (1 + cos(pi x)) / 2 (``cosine``).

    Args:
        total_steps: T, steps from the end of warmup to the end, >= 1.
        decay_steps: d, in [1, T].
        final_factor: f, factor at step T and after it, in [0, 1].
        shape: Of the fall, g.

    Returns:
        A picklable function of the step t >= 0: exactly 1 up to T - d, never rising, exactly ``final_factor`` from T
        on.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = trapezoid(total_steps=6, decay_steps=4)
        >>> [schedule(step) for step in range(8)]
        [1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]

    Reference:
        Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", 2024, section 3,
        where the root is "1-sqrt".
    """
    positive_int("schedules.trapezoid", "total_steps", total_steps)
    positive_int("schedules.trapezoid", "decay_steps", decay_steps)
    fraction("schedules.trapezoid", "final_factor", final_factor)
    one_of("schedules.trapezoid", "shape", shape, FALLS)
    if decay_steps > total_steps:
        condition = f"be at most total_steps, {total_steps}"
        raise ValueError(message("schedules.trapezoid", "decay_steps", condition, decay_steps))
    start = total_steps - decay_steps
    return partial(_factor, start=start, decay_steps=decay_steps, final_factor=final_factor, shape=shape)


@final
@dataclass(frozen=True)
class Trapezoid(ScheduleSpec):
    """The base rate from the end of warmup, and a fall over the last part of the run.

    With a warmup in front this is "WSD" (warmup, stable, decay): the part before the fall does not depend on where the
    run ends.

    Args:
        decay: Length of the fall, such as ``"0.2run"``, a share of the whole run; an integer counts steps.
        final_factor: Factor of the base rate at the end of the run, in [0, 1].
        shape: ``"linear"``, ``"sqrt"`` (1 minus the root) or ``"cosine"``.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> from lightning_regkit.schedules import Horizon, Trapezoid
        >>> Trapezoid(decay="0.2run").describe(Horizon(total_steps=90), warmup_steps=5)
        'Trapezoid: x1 from step 5 to step 72, then linear to x0 at step 90, the end of the run'
    """

    decay: int | str = "0.2run"
    final_factor: float = 0.0
    shape: Shape = "linear"

    def __post_init__(self) -> None:
        check_length("Trapezoid", "decay", self.decay)
        fraction("Trapezoid", "final_factor", self.final_factor)
        one_of("Trapezoid", "shape", self.shape, FALLS)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        total, decay = self._lengths(horizon, warmup_steps)
        return trapezoid(total_steps=total, decay_steps=decay, final_factor=self.final_factor, shape=self.shape)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        total, decay = self._lengths(horizon, warmup_steps)
        end = warmup_steps + total
        fall = f"then {self.shape} to x{self.final_factor:g} at step {end}, the end of the run"
        return f"Trapezoid: x1 from step {warmup_steps} to step {end - decay}, {fall}"

    def _lengths(self, horizon: Horizon, warmup_steps: int) -> tuple[int, int]:
        total = steps_after_warmup("Trapezoid", horizon, warmup_steps)
        # A fall of no step and of one step are the same steps: 1 at T - 1, the end value at T.
        decay = max(1, steps(self.decay, horizon, owner="Trapezoid", argument="decay"))
        if decay > total:
            condition = f"be at most the {total} steps after the warmup"
            raise ValueError(message("Trapezoid", "decay", condition, self.decay, f"It takes {decay} steps."))
        return total, decay


def _factor(step: int, *, start: int, decay_steps: int, final_factor: float, shape: Shape) -> float:
    elapsed = non_negative_int("schedules.trapezoid", "step", step) - start
    share = min(max(elapsed, 0), decay_steps) / decay_steps
    # In this order rounding can neither pass 1 nor miss the final factor.
    return final_factor + (1 - final_factor) * FALLS[shape](share)
