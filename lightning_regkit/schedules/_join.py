"""Schedules one after another."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

from typing_extensions import override

from lightning_regkit._checks import message, non_negative_int, positive_int
from lightning_regkit._durations import Horizon, parse, steps
from lightning_regkit.schedules._lengths import listed, shown
from lightning_regkit.schedules._pieces import check_increasing, pieces
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_left

__all__ = ["Join", "join"]


def join(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """Build the schedule that follows one schedule up to each boundary, and then the next, on its own clock.

    Args:
        schedules: One or more.
        boundaries: Steps at which the second, third, ... begins as its step 0; increasing, >= 1, one fewer than
            ``schedules``.

    Returns:
        A picklable function (if all ``schedules`` are) of the step t >= 0.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> from lightning_regkit.schedules import constant, linear
        >>> schedule = join([constant(), linear(total_steps=2)], [3])
        >>> [schedule(step) for step in range(7)]
        [1.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0]

    Reference:
        optax.join_schedules, whose arguments these are.
    """
    parts = listed("schedules.join", "schedules", schedules)
    for schedule in parts:
        if not callable(schedule):
            remedy = "For specs, write Join(specs, boundaries)."
            raise TypeError(message("schedules.join", "schedules", "hold functions of the step", schedule, remedy))
    at = listed("schedules.join", "boundaries", boundaries)
    for boundary in at:
        positive_int("schedules.join", "boundaries", boundary)
    _check_number("schedules.join", "schedules", len(parts), at)
    check_increasing("schedules.join", "boundaries", at, at)
    return partial(_factor, schedules=parts, starts=(0, *at))


@final
@dataclass(frozen=True)
class Join(ScheduleSpec):
    """Specs one after another, each as if it were alone in a run of its own.

    A piece stretches from its boundary to the next, or to the end of the run; its lengths, positions, epochs and shares
    of the run are counted from its own beginning. Boundaries count from the start of the run, warmup or not.

    Args:
        specs: One or more. Kept as a tuple.
        boundaries: Increasing positions such as ``["30ep"]``, one fewer than ``specs``; integers count steps. Kept as a
            tuple.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A boundary is no duration, or their number does not fit.

    Example:
        >>> from lightning_regkit.schedules import Constant, Horizon, Join, Linear
        >>> Join([Constant(), Linear()], ["0.5run"]).describe(Horizon(total_steps=8))
        'Join: Constant: x1 from step 0 on; then, counted from step 4 (0.5run), Linear: x1 at step 0, straight to x0 at
        step 4, the end of the run'
    """

    specs: Sequence[ScheduleSpec]
    boundaries: Sequence[int | str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "specs", listed("Join", "specs", self.specs))
        object.__setattr__(self, "boundaries", listed("Join", "boundaries", self.boundaries))
        for spec in self.specs:
            if not isinstance(spec, ScheduleSpec):
                raise TypeError(message("Join", "specs", "hold specs of lightning_regkit.schedules", spec))
        for boundary in self.boundaries:
            parse(boundary, owner="Join", argument="boundaries")
        _check_number("Join", "specs", len(self.specs), self.boundaries)

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        at = self._steps(horizon, warmup_steps)
        built = [spec.build(run, warmup) for spec, run, warmup in self._pieces(horizon, warmup_steps, at)]
        return join(built, [step - warmup_steps for step in at])

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        at = self._steps(horizon, warmup_steps)
        texts = [spec.describe(run, warmup) for spec, run, warmup in self._pieces(horizon, warmup_steps, at)]
        texts[:-1] = [text.replace("the end of the run", "the end of this piece") for text in texts[:-1]]
        later = zip(map(shown, at, self.boundaries), texts[1:], strict=True)
        return "; ".join([f"Join: {texts[0]}", *(f"then, counted from step {start}, {text}" for start, text in later)])

    def _pieces(
        self, horizon: Horizon, warmup_steps: int, at: Sequence[int]
    ) -> Iterator[tuple[ScheduleSpec, Horizon, int]]:
        return zip(self.specs, pieces(horizon, at), [warmup_steps, *(0 for _ in at)], strict=True)

    def _steps(self, horizon: Horizon, warmup_steps: int) -> list[int]:
        steps_left("Join", horizon, warmup_steps)
        at = [steps(boundary, horizon, owner="Join", argument="boundaries") for boundary in self.boundaries]
        start = f"the warmup of {warmup_steps} steps" if warmup_steps else "step 0"
        for step, boundary in zip(at, self.boundaries, strict=True):
            remedy = f"It falls on step {step}."
            if step <= warmup_steps:
                raise ValueError(message("Join", "boundaries", f"lie after {start}", boundary, remedy))
            if horizon.total_steps is not None and step >= horizon.total_steps:
                condition = f"lie before the end of the run of {horizon.total_steps} steps"
                raise ValueError(message("Join", "boundaries", condition, boundary, remedy))
        check_increasing("Join", "boundaries", at, self.boundaries)
        return at


def _check_number(owner: str, argument: str, count: int, boundaries: Sequence[object]) -> None:
    if len(boundaries) != count - 1:
        condition = f"be one fewer than {argument}, of which there are {count}"
        raise ValueError(message(owner, "boundaries", condition, list(boundaries)))


def _factor(step: int, *, schedules: tuple[Schedule, ...], starts: tuple[int, ...]) -> float:
    piece = bisect_right(starts, non_negative_int("schedules.join", "step", step)) - 1
    return schedules[piece](step - starts[piece])
