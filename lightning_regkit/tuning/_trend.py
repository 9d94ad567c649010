"""Slopes and noise of a series."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final, final

__all__ = ["Trend", "noise", "trend"]

#: Median of |x| of a normal distribution, by its deviation.
NORMAL_MEDIAN: Final = 0.6745


@final
@dataclass(frozen=True)
class Trend:
    """A straight line through a series.

    Args:
        change: From its first to its last value, along the line.
        error: Standard error of that change.
    """

    change: float
    error: float


def trend(values: Sequence[float]) -> Trend:
    """Fit a line by least squares.

    Args:
        values: At least 3, finite, at equal distances.
    """
    count, mean = len(values), fmean(values)
    at = [index - (count - 1) / 2 for index in range(count)]
    spread = sum(place * place for place in at)
    slope = sum(place * value for place, value in zip(at, values, strict=True)) / spread
    rest = sum((value - mean - slope * place) ** 2 for place, value in zip(at, values, strict=True))
    return Trend(slope * (count - 1), math.sqrt(rest / (count - 2) / spread) * (count - 1))


def noise(values: Sequence[float]) -> float:
    """Estimate the deviation of a series around a smooth line: of its second differences, by their median.

    Args:
        values: At least 3, finite. Noise is taken to be independent from one to the next; a few jumps do not matter.
    """
    triples = zip(values, values[1:], values[2:], strict=False)
    sizes = [abs(before - 2 * middle + after) for before, middle, after in triples]
    return median(sizes) / NORMAL_MEDIAN / math.sqrt(6)
