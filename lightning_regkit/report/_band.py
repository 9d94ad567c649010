"""Several runs as one curve with a band."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import final

from lightning_regkit._checks import message
from lightning_regkit.report._series import Series

__all__ = ["Band", "band", "mean_and_spread"]


@final
@dataclass(frozen=True)
class Band:
    """The mean over runs, and how far they scatter.

    Args:
        mean: Their mean at each step.
        low: A standard deviation below.
        high: A standard deviation above.

    Example:
        >>> Band(Series((1,), (2.0,)), Series((1,), (1.0,)), Series((1,), (3.0,))).mean.values
        (2.0,)
    """

    mean: Series
    low: Series
    high: Series


def band(runs: Sequence[Series]) -> Band:
    r"""Take the mean and the band of one standard deviation over runs, at the steps that all of them have.

    .. math::
        \bar x_t \pm s_t, \qquad s_t^2 = \frac{1}{n - 1} \sum_{i=1}^{n} (x_{i,t} - \bar x_t)^2

    Where a run is not finite, neither is the mean: a seed that diverged is not averaged away.

    Args:
        runs: The same series of n >= 2 runs.

    Returns:
        Three series over the same steps; empty ones where no step is common.

    Raises:
        ValueError: There are fewer than two runs.

    Example:
        >>> found = band([Series((1, 2), (1.0, 5.0)), Series((1, 3), (3.0, 5.0))])
        >>> found.mean, round(found.high.values[0], 4)
        (Series(steps=(1,), values=(2.0,)), 3.4142)
    """
    if len(runs) < 2:  # noqa: PLR2004  # one value has no deviation
        raise ValueError(message("report.band", "runs", "be at least two", len(runs)))
    tables = [dict(zip(each.steps, each.values, strict=True)) for each in runs]
    steps = [step for step in runs[0].steps if all(step in table for table in tables)]
    moments = [mean_and_spread([table[step] for table in tables]) for step in steps]
    edges = [[mean + sign * spread for mean, spread in moments] for sign in (0, -1, 1)]
    return Band(*(Series(tuple(steps), tuple(values)) for values in edges))


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Take the mean and the standard deviation, with n − 1.

    Args:
        values: At least one.

    Returns:
        Both; a deviation of 0 for one value, and NaN twice where a value is not finite.

    Example:
        >>> mean_and_spread([1.0, 3.0, 5.0])
        (3.0, 2.0)
    """
    if not all(map(math.isfinite, values)):
        return math.nan, math.nan
    return fmean(values), stdev(values) if len(values) > 1 else 0.0
