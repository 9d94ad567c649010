"""Ways down from one to zero, and ways through points."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

from lightning_regkit._checks import non_negative_int
from lightning_regkit.schedules._cosine import cosine_factor

__all__ = ["FALLS", "Fall", "Shape", "through"]

Shape: TypeAlias = Literal["cosine", "linear", "sqrt"]

#: Share of the way that is over, in [0, 1], to what is left of the height: 1 at 0, 0 at 1, both exactly.
Fall: TypeAlias = Callable[[float], float]


def _cosine(elapsed: float) -> float:
    return cosine_factor(elapsed, 0.0)


def _linear(elapsed: float) -> float:
    return 1 - elapsed


def _sqrt(elapsed: float) -> float:
    return 1 - math.sqrt(elapsed)


FALLS: MappingProxyType[Shape, Fall] = MappingProxyType({"cosine": _cosine, "linear": _linear, "sqrt": _sqrt})


def through(step: int, *, points: Sequence[tuple[int, float]], shape: Shape, owner: str) -> float:
    """Return the height at a step on the way through points, level after the last.

    Args:
        step: Where, >= 0.
        points: Steps that do not decrease, the first of them 0, and the height at each; of two at one step, the later
            holds.
        shape: Of the way from each point to the next.
        owner: Public name of what the user called, for the message.

    Returns:
        The height, between those of the points around it; exact at the last point, and where a way starts at its lower
        end or at 1.

    Raises:
        TypeError: ``step`` is no integer.
        ValueError: ``step`` is negative.

    Example:
        >>> points = [(0, 0.5), (2, 1.0), (4, 0.0)]
        >>> [through(step, points=points, shape="linear", owner="schedules.one_cycle") for step in range(6)]
        [0.5, 0.75, 1.0, 0.5, 0.0, 0.0]
    """
    part = bisect_right(points, non_negative_int(owner, "step", step), key=lambda point: point[0]) - 1
    if part == len(points) - 1:
        return points[-1][1]
    (start, from_height), (end, to_height) = points[part], points[part + 1]
    left = FALLS[shape]((step - start) / (end - start))
    low, high = sorted((from_height, to_height))
    # In this order rounding can neither pass the higher height nor miss the lower.
    return low + (high - low) * (left if from_height >= to_height else 1 - left)
