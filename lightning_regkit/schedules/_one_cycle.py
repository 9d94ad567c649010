"""Up once, down once, and on to almost nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal, TypeAlias, final, get_args

from typing_extensions import override

from lightning_regkit._checks import fraction, message, non_negative_int, one_of, positive_int
from lightning_regkit._durations import Horizon, parse, steps
from lightning_regkit.schedules._lengths import listed, shown
from lightning_regkit.schedules._shapes import through
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec, steps_after_warmup

__all__ = ["OneCycle", "one_cycle"]

_Shape: TypeAlias = Literal["cosine", "linear"]


def one_cycle(
    *,
    total_steps: int,
    turns: Sequence[int],
    start_factor: float = 0.04,
    final_factor: float = 4e-6,
    shape: _Shape = "cosine",
) -> Schedule:
    """Build the schedule that goes from s at step 0 to 1 at the first turn, and to f at step T.

    With a second turn it is back at s there, on its way to f.

    Args:
        total_steps: T, >= 1.
        turns: Step of the peak, in [0, T); or that step and the one where s is reached again. They increase.
        start_factor: s, in [0, 1]; 1 / 25 is torch's.
        final_factor: f, factor at step T and after it, in [0, 1]; 1 / 25 / 10 000 is torch's.
        shape: Of every part, ``"cosine"`` or ``"linear"``.

    Returns:
        A picklable function of the step t >= 0: exactly s at 0 (unless the peak is there), exactly 1 at the peak and
        nowhere above, exactly ``final_factor`` from T on.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> schedule = one_cycle(total_steps=6, turns=[2], start_factor=0.5, final_factor=0.0, shape="linear")
        >>> [schedule(step) for step in range(8)]
        [0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]

    Reference:
        Smith and Topin, "Super-Convergence", 2018 (the 1cycle policy); torch.optim.lr_scheduler.OneCycleLR.

    Differs from the paper:
        They ramp down linearly to s, then further (two turns, ``shape="linear"``); one turn and cosines are fastai's
        and torch's default. torch's floor is its last step and its peak falls between steps; these numbers are those of
        ``OneCycleLR(total_steps=T + 1, pct_start=(peak + 1) / (T + 1))``. Momentum is not touched.
    """
    positive_int("schedules.one_cycle", "total_steps", total_steps)
    at = listed("schedules.one_cycle", "turns", turns)
    _check("schedules.one_cycle", at, start_factor, final_factor, shape)
    for turn in at:
        non_negative_int("schedules.one_cycle", "turns", turn)
    _check_turns("schedules.one_cycle", at, at, total_steps)
    points = tuple(zip((0, *at, total_steps), _heights(start_factor, final_factor, at), strict=True))
    return partial(through, points=points, shape=shape, owner="schedules.one_cycle")


@final
@dataclass(frozen=True)
class OneCycle(ScheduleSpec):
    """One cycle over the whole run; it rises by itself, so that a warmup in front is refused.

    Args:
        turns: Positions of the peak and, if two, of the return to ``start_factor``; integers count steps. A tuple.
        start_factor: Factor of the base rate at step 0, in [0, 1].
        final_factor: Factor of the base rate at the end of the run, in [0, 1].
        shape: ``"cosine"`` or ``"linear"``.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> from lightning_regkit.schedules import Horizon, OneCycle
        >>> OneCycle(["0.3run"]).describe(Horizon(total_steps=90))
        'OneCycle: x0.04 at step 0, x1 at step 27 (0.3run), x4e-06 at step 90, the end of the run'
    """

    turns: Sequence[int | str] = ("0.3run",)
    start_factor: float = 0.04
    final_factor: float = 4e-6
    shape: _Shape = "cosine"

    def __post_init__(self) -> None:
        object.__setattr__(self, "turns", listed("OneCycle", "turns", self.turns))
        _check("OneCycle", self.turns, self.start_factor, self.final_factor, self.shape)
        for turn in self.turns:
            parse(turn, owner="OneCycle", argument="turns")

    @override
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        total, turns = self._steps(horizon, warmup_steps)
        shape = partial(one_cycle, start_factor=self.start_factor, final_factor=self.final_factor, shape=self.shape)
        return shape(total_steps=total, turns=turns)

    @override
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        total, turns = self._steps(horizon, warmup_steps)
        at = ["0", *(shown(step, turn) for step, turn in zip(turns, self.turns, strict=True)), f"{total}"]
        heights = _heights(self.start_factor, self.final_factor, turns)
        points = ", ".join(f"x{height:g} at step {step}" for height, step in zip(heights, at, strict=True))
        return f"OneCycle: {points}, the end of the run"

    def _steps(self, horizon: Horizon, warmup_steps: int) -> tuple[int, tuple[int, ...]]:
        total = steps_after_warmup("OneCycle", horizon, warmup_steps)
        if warmup_steps:
            remedy = "The cycle rises by itself: set start_factor= and turns= instead."
            raise ValueError(message("OneCycle", "the warmup", "be 0 steps", warmup_steps, remedy))
        turns = tuple(steps(turn, horizon, owner="OneCycle", argument="turns") for turn in self.turns)
        _check_turns("OneCycle", turns, self.turns, total)
        return total, turns


def _heights(start_factor: float, final_factor: float, turns: Sequence[int]) -> list[float]:
    return [*(start_factor, 1.0, start_factor)[: len(turns) + 1], final_factor]


def _check_turns(owner: str, at: Sequence[int], turns: Sequence[object], total_steps: int) -> None:
    if any(later <= earlier for earlier, later in pairwise((*at, total_steps))):
        raise ValueError(message(owner, "turns", f"increase and lie before step {total_steps}, the end", list(turns)))


def _check(owner: str, turns: Sequence[object], start_factor: float, final_factor: float, shape: str) -> None:
    if len(turns) not in {1, 2}:
        raise ValueError(message(owner, "turns", "hold one or two positions", list(turns)))
    fraction(owner, "start_factor", start_factor)
    fraction(owner, "final_factor", final_factor)
    one_of(owner, "shape", shape, get_args(_Shape))
