"""Drops by a fixed factor, evenly spaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, takewhile
from typing import final

from typing_extensions import override

from lightning_regkit._checks import fraction, message, non_negative_int, positive_int
from lightning_regkit._durations import Horizon, parse, steps
from lightning_regkit.schedules._lengths import check_length, clocked, enumerated, length_steps
from lightning_regkit.schedules._milestones import milestones
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec

__all__ = ["StepDecay", "step_decay"]


def step_decay(*, step_size: int, gamma: float = 0.1) -> Schedule:
    """Build the schedule factor(t) = gamma^floor(t / n).

    Args:
        step_size: n, steps from one drop to the next, >= 1.
        gamma: Factor of each drop, in [0, 1].

    Returns:
        A picklable function of the step t >= 0: exactly 1 before step n, never rising, without an end.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = step_decay(step_size=2, gamma=0.5)
        >>> [schedule(step) for step in range(6)]
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    Reference:
        torch.optim.lr_scheduler.StepLR, closed form; the 30-epoch steps of Goyal et al., "Accurate, Large Minibatch
        SGD", 2017, section 5.1.
    """
    positive_int("schedules.step_decay", "step_size", step_size)
    fraction("schedules.step_decay", "gamma", gamma)
    return partial(_factor, step_size=step_size, gamma=gamma)


@final
@dataclass(frozen=True)
class StepDecay(ScheduleSpec):
    """A drop every ``step_size``, counted from the start of the run, warmup or not.

    Whole epochs drop at the ends of epochs, however long each of them is.

    Args:
        step_size: Length from one drop to the next, such as ``"30ep"``; an integer counts steps.
        gamma: Factor of each drop, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: ``step_size`` is no duration or zero, or ``gamma`` is out of range.

    Example:
        >>> from lightning_regkit.schedules import Horizon, StepDecay
        >>> StepDecay("30ep").describe(Horizon(total_steps=90, epoch_ends=tuple(range(1, 91))))
        'StepDecay: x0.1 at step 30, 60 (every 30ep), to x0.01'
    """

    step_size: int | str
    gamma: float = 0.1

    def __post_init__(self) -> None:
        check_length("StepDecay", "step_size", self.step_size)
        fraction("StepDecay", "gamma", self.gamma)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        first = self._first(horizon, warmup_steps)
        if horizon.total_steps is None:
            schedule = step_decay(step_size=first, gamma=self.gamma)
            return clocked("schedules.step_decay", schedule, first=warmup_steps, last=None)
        drops = self._drops(horizon, first, horizon.total_steps)
        return milestones([step - warmup_steps for step in drops], gamma=self.gamma)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        first = self._first(horizon, warmup_steps)
        every = self.step_size if isinstance(self.step_size, str) else f"{first} steps"
        if horizon.total_steps is None:
            return f"StepDecay: x{self.gamma:g} at step {first} and every {every} after, without an end"
        drops = [step for step in self._drops(horizon, first, horizon.total_steps) if step < horizon.total_steps]
        if not drops:
            return f"StepDecay: x1 throughout; never reached: step {first}, the end of the run"
        at = enumerated([str(step) for step in drops])
        return f"StepDecay: x{self.gamma:g} at step {at} (every {every}), to x{self.gamma ** len(drops):.3g}"

    def _first(self, horizon: Horizon, warmup_steps: int) -> int:
        non_negative_int("StepDecay", "warmup_steps", warmup_steps)
        first = length_steps("StepDecay", "step_size", self.step_size, horizon)
        remedy = f"It takes {first} steps"
        if first <= warmup_steps:
            condition = f"be longer than the warmup of {warmup_steps} steps"
            raise ValueError(message("StepDecay", "step_size", condition, self.step_size, f"{remedy}."))
        if horizon.total_steps is not None and first > horizon.total_steps:
            condition = f"be at most the run of {horizon.total_steps} steps"
            remedy += ": no drop would happen. Shorten it, or train longer."
            raise ValueError(message("StepDecay", "step_size", condition, self.step_size, remedy))
        return first

    def _drops(self, horizon: Horizon, first: int, total_steps: int) -> Sequence[int]:
        length = parse(self.step_size, owner="StepDecay", argument="step_size")
        if length.unit != "ep" or length.value.denominator != 1:
            return range(first, total_steps + 1, first)
        epochs = (f"{k * length.value}ep" for k in count(1))
        ends = (steps(text, horizon, owner="StepDecay", argument="step_size") for text in epochs)
        return list(takewhile(lambda step: step <= total_steps, ends))


def _factor(step: int, *, step_size: int, gamma: float) -> float:
    return gamma ** (non_negative_int("schedules.step_decay", "step", step) // step_size)
