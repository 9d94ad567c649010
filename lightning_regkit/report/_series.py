"""Numbers over optimizer steps, as logged."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from lightning_regkit._checks import message, positive_int

__all__ = ["Point", "Series", "best_point", "in_order", "thinned"]

OWNER = "report.Series"


@final
@dataclass(frozen=True)
class Point:
    """One value of a series.

    Args:
        step: When it was logged.
        value: What was logged.

    Example:
        >>> Point(100, 0.25).step
        100
    """

    step: int
    value: float


@final
@dataclass(frozen=True)
class Series:
    """What was logged under one name.

    Args:
        steps: When, rising.
        values: What, one for each step; NaN and infinities are values like any other.

    Raises:
        ValueError: The two are not of one length, or a step does not come after the one before.

    Example:
        >>> Series((10, 20), (0.5, 0.25)).values
        (0.5, 0.25)
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.values):
            raise ValueError(message(OWNER, "values", f"be one for each of {len(self.steps)} steps", len(self.values)))
        for before, after in pairwise(self.steps):
            if after <= before:
                raise ValueError(message(OWNER, "steps", f"rise, so come after {before}", after))

    @property
    def finite(self) -> tuple[Point, ...]:
        """The points whose value is a finite number."""
        pairs = zip(self.steps, self.values, strict=True)
        return tuple(Point(step, value) for step, value in pairs if math.isfinite(value))


def in_order(points: Iterable[tuple[int, float]]) -> Series:
    """Make a series of points in the order in which they were written.

    A run that was killed and resumed writes steps again that it had written before: then the later point stays, and
    what had been written of steps after it goes.

    Args:
        points: Step and value.

    Returns:
        A series whose steps rise.

    Example:
        >>> in_order([(1, 0.9), (2, 0.8), (3, 0.7), (2, 0.6)])  # killed after step 3, resumed after step 1
        Series(steps=(1, 2), values=(0.9, 0.6))
    """
    kept: list[tuple[int, float]] = []
    for point in points:
        while kept and kept[-1][0] >= point[0]:
            kept.pop()
        kept.append(point)
    return Series(tuple(step for step, _ in kept), tuple(value for _, value in kept))


def best_point(series: Series, mode: str) -> Point | None:
    """Find the best value that is finite, the first of equal ones.

    Args:
        series: Where to look.
        mode: ``"min"`` or ``"max"``.

    Returns:
        The point, or None if no value is finite.

    Example:
        >>> best_point(Series((1, 2, 3), (0.5, 0.25, 0.25)), "min")
        Point(step=2, value=0.25)
    """
    pick = min if mode == "min" else max
    return pick(series.finite, key=lambda point: point.value, default=None)


def thinned(series: Series, limit: int) -> Series:
    """Replace k consecutive points by their mean at the last of their steps, so that at most ``limit`` are left.

    k is the smallest integer that does it; the last mean may be of fewer points. A mean of a value that is not finite
    is not finite either, so that what diverged is not hidden.

    Args:
        series: Of any length.
        limit: >= 1.

    Returns:
        The series itself where it is short enough.

    Raises:
        TypeError: ``limit`` is no integer.
        ValueError: It is below 1.

    Example:
        >>> thinned(Series((1, 2, 3, 4, 5), (1.0, 3.0, 5.0, 7.0, 9.0)), 3)
        Series(steps=(2, 4, 5), values=(2.0, 6.0, 9.0))
    """
    every = math.ceil(len(series.steps) / positive_int("report.thinned", "limit", limit))
    if every <= 1:
        return series
    parts = [series.values[start : start + every] for start in range(0, len(series.values), every)]
    ends = [min(start + every, len(series.steps)) - 1 for start in range(0, len(series.steps), every)]
    return Series(tuple(series.steps[end] for end in ends), tuple(sum(part) / len(part) for part in parts))
