"""Drops by a fixed factor at chosen steps."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, final

from typing_extensions import override

from lightning_regkit._checks import fraction, message, non_negative_int, positive_int
from lightning_regkit._durations import Horizon, parse, steps
from lightning_regkit.schedules._lengths import listed, shown
from lightning_regkit.schedules._pieces import check_increasing
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec

__all__ = ["Milestones", "milestones"]

T = TypeVar("T")


def milestones(positions: Sequence[int], *, gamma: float = 0.1) -> Schedule:
    """Build the schedule factor(t) = gamma^(number of positions <= t).

    Args:
        positions: Steps from which a lower rate holds, increasing, >= 1; at least one.
        gamma: Factor of each drop, in [0, 1].

    Returns:
        A picklable function of the step t >= 0: exactly 1 before the first position, never rising.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = milestones([2, 4], gamma=0.5)
        >>> [schedule(step) for step in range(6)]
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2 (divide by 10 at chosen steps).
    """
    at = _listed("schedules.milestones", positions)
    for position in at:
        positive_int("schedules.milestones", "positions", position)
    check_increasing("schedules.milestones", "positions", at, at)
    fraction("schedules.milestones", "gamma", gamma)
    return partial(_factor, positions=at, gamma=gamma)


@final
@dataclass(frozen=True)
class Milestones(ScheduleSpec):
    """Drops at positions that count from the start of the run, warmup or not.

    Args:
        positions: Increasing durations such as ``["30ep", "60ep"]``; integers count steps. Kept as a tuple.
        gamma: Factor of each drop, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A position is no duration, positions do not increase, or ``gamma`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import Horizon, Milestones
        >>> horizon = Horizon(total_steps=90, epoch_ends=tuple(range(1, 91)))
        >>> Milestones(["30ep", "60ep", "90ep"]).describe(horizon)
        'Milestones: x0.1 at step 30 (30ep), 60 (60ep); never reached: step 90 (90ep), the end of the run'

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1 (5 epochs of warmup, drops at 30, 60, 80).
    """

    positions: Sequence[int | str]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        at = _listed("Milestones", self.positions)
        durations = [parse(position, owner="Milestones", argument="positions") for position in at]
        if len({duration.unit for duration in durations}) == 1:
            check_increasing("Milestones", "positions", [duration.value for duration in durations], at)
        fraction("Milestones", "gamma", self.gamma)
        object.__setattr__(self, "positions", at)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        at = self._steps(horizon, warmup_steps)
        return milestones([step - warmup_steps for step in at], gamma=self.gamma)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        at = self._steps(horizon, warmup_steps)
        texts = list(zip(at, map(shown, at, self.positions), strict=True))
        reached = ", ".join(text for step, text in texts if step != horizon.total_steps)
        never = [text for step, text in texts if step == horizon.total_steps]
        parts = [f"x{self.gamma:g} at step {reached}"] if reached else []
        parts += [f"never reached: step {text}, the end of the run" for text in never]
        return "Milestones: " + "; ".join(parts)

    def _steps(self, horizon: Horizon, warmup_steps: int) -> list[int]:
        non_negative_int("Milestones", "warmup_steps", warmup_steps)
        at = [steps(position, horizon, owner="Milestones", argument="positions") for position in self.positions]
        start = f"the warmup of {warmup_steps} steps" if warmup_steps else "step 0"
        for step, position in zip(at, self.positions, strict=True):
            if step <= warmup_steps:
                remedy = f"It falls on step {step}."
                raise ValueError(message("Milestones", "positions", f"lie after {start}", position, remedy))
            if horizon.total_steps is not None and step > horizon.total_steps:
                condition = f"lie within the run of {horizon.total_steps} steps"
                remedy = f"It falls on step {step}: remove it, or train longer."
                raise ValueError(message("Milestones", "positions", condition, position, remedy))
        check_increasing("Milestones", "positions", at, self.positions)
        return at


def _listed(owner: str, positions: Sequence[T]) -> tuple[T, ...]:
    if not (at := listed(owner, "positions", positions)):
        raise ValueError(message(owner, "positions", "hold at least one position", positions))
    return at


def _factor(step: int, *, positions: tuple[int, ...], gamma: float) -> float:
    return gamma ** bisect_right(positions, non_negative_int("schedules.milestones", "step", step))
