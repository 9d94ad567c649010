"""The moving average of the slider, as a formula."""

import math
from collections.abc import Iterable

from lightning_regkit._checks import fraction, message

__all__ = ["smooth"]


def smooth(values: Iterable[float], weight: float) -> tuple[float, ...]:
    r"""Average exponentially over the past, without the bias of a start at zero.

    .. math::
        m_t = \beta m_{t-1} + (1 - \beta) x_t, \quad m_0 = 0, \qquad \hat x_t = \frac{m_t}{1 - \beta^t}

    t counts the finite values. One that is not finite is returned as it is and left out of the average.

    Args:
        values: x, in the order of the steps.
        weight: β in [0, 1); 0 changes nothing. The average reaches back over about 1 / (1 − β) values.

    Returns:
        As many values, each within the range of the finite ones before and at it.

    Raises:
        TypeError: ``weight`` is no number.
        ValueError: It is outside [0, 1).

    Example:
        >>> smooth([1.0, 0.0, 0.0], 0.5) == (1.0, 1 / 3, 1 / 7)
        True

    Reference:
        Kingma and Ba 2015, *Adam: A Method for Stochastic Optimization* (arXiv 1412.6980), section 3: the correction of
        the bias.
    """
    if fraction("report.smooth", "weight", weight) == 1:
        raise ValueError(message("report.smooth", "weight", "be below 1", weight))
    mean, share, smoothed = 0.0, 0.0, []
    for value in values:
        if not math.isfinite(value):
            smoothed.append(value)
            continue
        mean = weight * mean + (1 - weight) * value
        share = weight * share + (1 - weight)  # is 1 - weight^t
        smoothed.append(mean / share)
    return tuple(smoothed)
