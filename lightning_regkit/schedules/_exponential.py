"""The same factor over and over, spread over every step."""

import math
from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import non_negative_int, positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._lengths import check_length, clocked, end_of, length_steps, positive_fraction
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_left

__all__ = ["Exponential", "exponential"]


def exponential(*, gamma: float, every: int = 1) -> Schedule:
    """Build the schedule factor(t) = gamma^(t / n).

    Args:
        gamma: Factor of n steps, in (0, 1].
        every: n, steps in which the factor shrinks by ``gamma``, >= 1.

    Returns:
        A picklable function of the step t >= 0: exactly 1 at 0, never rising, without an end.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = exponential(gamma=0.25, every=2)
        >>> [schedule(step) for step in range(5)]
        [1.0, 0.5, 0.25, 0.125, 0.0625]

    Reference:
        optax.exponential_decay with transition_steps n and decay_rate gamma, and torch.optim.lr_scheduler.ExponentialLR
        where n is 1; ``step_decay`` is what optax calls ``staircase=True``.
    """
    positive_fraction("schedules.exponential", "gamma", gamma)
    positive_int("schedules.exponential", "every", every)
    return partial(_factor, gamma=gamma, every=every)


@final
@dataclass(frozen=True)
class Exponential(ScheduleSpec):
    """A factor of ``gamma`` per epoch, or per any other length, moving with every step from the end of warmup.

    Args:
        gamma: Factor of each ``every``, in (0, 1]. Drops only at its ends are ``StepDecay(every, gamma)``.
        every: Length such as ``"1ep"``, measured once, at the start of the run; an integer counts steps. With
            ``"1run"`` and no warmup, ``gamma`` is the factor at the end of the run.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: ``every`` is no duration or zero, or ``gamma`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import Exponential, Horizon
        >>> Exponential(gamma=0.5).describe(Horizon(total_steps=30, epoch_ends=(10, 20, 30)))
        'Exponential: x1 at step 0, x0.5 in every 10 steps (1ep), to x0.125 at step 30, the end of the run'
    """

    gamma: float
    every: int | str = "1ep"

    def __post_init__(self) -> None:
        positive_fraction("Exponential", "gamma", self.gamma)
        check_length("Exponential", "every", self.every)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        last = steps_left("Exponential", horizon, warmup_steps)
        every = length_steps("Exponential", "every", self.every, horizon)
        return clocked("schedules.exponential", exponential(gamma=self.gamma, every=every), first=0, last=last)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        end = end_of(self.build(horizon, warmup_steps), horizon, warmup_steps)
        every = length_steps("Exponential", "every", self.every, horizon)
        unit = f" ({self.every})" if isinstance(self.every, str) else ""
        return f"Exponential: x1 at step {warmup_steps}, x{self.gamma:g} in every {every} steps{unit}, {end}"


def _factor(step: int, *, gamma: float, every: int) -> float:
    return math.pow(gamma, non_negative_int("schedules.exponential", "step", step) / every)
