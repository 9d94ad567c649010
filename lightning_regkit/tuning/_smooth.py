"""A moving average that does not lag."""

import math
from collections.abc import Sequence
from statistics import fmean

from lightning_regkit._checks import non_negative_int

__all__ = ["smooth"]


def smooth(values: Sequence[float], reach: int) -> tuple[float, ...]:
    r"""Average each value with its neighbors on both sides.

    .. math:: \hat x_t = \operatorname{mean} \{x_u : |u - t| \le r_t\}, \qquad r_t = \min(r, t, n - 1 - t)

    Near an end the window shrinks on both sides alike, so straight lines stay as they are. Values that are not finite
    are left out; an average over none of them is NaN.

    Args:
        values: x, in order.
        reach: r >= 0, neighbors on each side; 0 changes nothing that is finite.

    Returns:
        As many values.

    Raises:
        TypeError: ``reach`` is no integer.
        ValueError: It is below 0.

    Example:
        >>> smooth([1.0, 4.0, 1.0, 4.0, 1.0], 1)
        (1.0, 2.0, 3.0, 2.0, 1.0)
    """
    non_negative_int("tuning.smooth", "reach", reach)
    averages = []
    for index in range(len(values)):
        near = min(reach, index, len(values) - 1 - index)
        finite = [value for value in values[index - near : index + near + 1] if math.isfinite(value)]
        averages.append(fmean(finite) if finite else math.nan)
    return tuple(averages)
