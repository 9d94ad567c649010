"""What a range test says about the learning rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

from lightning_regkit._checks import message
from lightning_regkit.tuning._smooth import smooth
from lightning_regkit.tuning._verdict import HEALTHY, Verdict

__all__ = ["RangeAnalysis", "analyze_range"]

OWNER: Final = "tuning.analyze_range"
#: Share of the first loss that must be gone at the lowest point.
FALLS: Final = 0.05
#: Suggested is the rate of the lowest loss, divided by this.
SAFETY: Final = 10.0
SHORTEST: Final = 5


@final
@dataclass(frozen=True)
class RangeAnalysis:
    """What the losses of growing rates say.

    Args:
        suggested: Rate to train with; None where the loss did not fall.
        lowest: Rate of the lowest smoothed loss; None where nothing is finite.
        steepest: Rate at which the smoothed loss falls fastest per factor of the rate; None where it does not fall.
        diverges: First rate after the lowest at which the smoothed loss is over twice the first one, or not finite;
            None where it stays below.
        smoothed: The losses that all of this was read from, over ``reach`` neighbors on each side.
        reach: Of the smoothing.
        verdict: In words.

    Example:
        >>> analyze_range([1, 2, 4, 8, 16], [2.0, 1.0, 1.5, 2.0, 9.0], reach=0).diverges
        16
    """

    suggested: float | None
    lowest: float | None
    steepest: float | None
    diverges: float | None
    smoothed: tuple[float, ...]
    reach: int
    verdict: Verdict


def analyze_range(rates: Sequence[float], losses: Sequence[float], *, reach: int | None = None) -> RangeAnalysis:
    """Suggest a rate: that of the lowest smoothed loss, divided by 10; at least the smallest one.

    Args:
        rates: Growing, above 0, one a step.
        losses: Of the step that each rate was for, on one clock with the rates.
        reach: Neighbors on each side over which losses are averaged; None for a twentieth of the steps.

    Returns:
        The rates, and the smoothed losses they were read from.

    Raises:
        ValueError: Lengths differ, there are fewer than 5, or rates do not grow.

    Example:
        >>> rates = [10 ** (k / 10 - 4) for k in range(41)]
        >>> found = analyze_range(rates, [(k / 10 - 3) ** 2 for k in range(41)], reach=0)
        >>> round(found.lowest, 3), round(found.suggested, 4)
        (0.1, 0.01)

    Reference:
        Smith 2017, "Cyclical Learning Rates for Training Neural Networks" (arXiv 1506.01186), section 3.3, for the
        test.

    Differs from the paper: it reads off where accuracy starts to rise and to fall; here one rate is suggested.
    """
    _check(rates, losses)
    reach = len(losses) // 20 if reach is None else reach
    smoothed = _until_not_finite(smooth(losses, reach), losses)
    if not smoothed:
        text = "The loss is not finite at the smallest rate. Look at the data and the initial weights."
        return RangeAnalysis(None, None, None, rates[0], (), reach, Verdict("not finite", text))
    lowest = min(range(len(smoothed)), key=smoothed.__getitem__)
    diverges = _diverging(rates, smoothed, lowest)
    if smoothed[0] - smoothed[lowest] < FALLS * abs(smoothed[0]):
        text = f"The loss of {smoothed[0]:.4g} does not fall at any rate from {rates[0]:.1e} to {rates[-1]:.1e}."
        return RangeAnalysis(None, rates[lowest], None, diverges, smoothed, reach, Verdict("does not fall", text))
    inner = min(reach, lowest - 1)  # before it, averages are over fewer neighbors
    steepest = _steepest(rates[inner:], smoothed[inner : lowest + 1])
    suggested = max(rates[0], rates[lowest] / SAFETY)
    text = f"The loss is lowest at a rate of {rates[lowest]:.1e} and falls fastest at {steepest:.1e}: "
    text += f"train at {suggested:.1e}"
    text += "." if diverges is None else f"; from {diverges:.1e} on it diverges."
    return RangeAnalysis(suggested, rates[lowest], steepest, diverges, smoothed, reach, Verdict(HEALTHY, text))


def _check(rates: Sequence[float], losses: Sequence[float]) -> None:
    if len(rates) != len(losses) or len(rates) < SHORTEST:
        lengths = (len(rates), len(losses))
        raise ValueError(message(OWNER, "rates and losses", f"be equally many, at least {SHORTEST}", lengths))
    if rates[0] <= 0 or any(later <= earlier for earlier, later in pairwise(rates)):
        raise ValueError(message(OWNER, "rates", "be above 0 and grow", list(rates[:SHORTEST])))


def _until_not_finite(smoothed: Sequence[float], losses: Sequence[float]) -> tuple[float, ...]:
    count = next((index for index, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    return tuple(smoothed[:count])


def _diverging(rates: Sequence[float], smoothed: Sequence[float], lowest: int) -> float | None:
    limit = 2 * abs(smoothed[0])
    high = (index for index in range(lowest, len(smoothed)) if smoothed[index] > limit)
    index = next(high, len(smoothed))
    return rates[index] if index < len(rates) else None


def _steepest(rates: Sequence[float], smoothed: Sequence[float]) -> float:
    slopes = [
        (smoothed[index + 1] - smoothed[index]) / math.log(rates[index + 1] / rates[index])
        for index in range(len(smoothed) - 1)
    ]
    return rates[min(range(len(slopes)), key=slopes.__getitem__)]
