"""How often noise acts, and which of several kinds does."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from lightning_regkit._checks import fraction, message, non_negative_float
from lightning_regkit.mixing._erasing import ErasingDraw

__all__ = ["check_probability", "choose", "happens", "keep_some", "shares"]


def check_probability(owner: str, probability: object) -> float:
    """Return a usable probability, or refuse it.

    Args:
        owner: Public name of what the user called.
        probability: How often something is done, in (0, 1].

    Returns:
        ``probability``.

    Raises:
        TypeError: ``probability`` is no number.
        ValueError: ``probability`` is outside (0, 1].

    Example:
        >>> check_probability("CutMix", 0.5)
        0.5
    """
    number = fraction(owner, "probability", probability)
    if number == 0:
        raise ValueError(message(owner, "probability", "be above 0", probability, f"To do nothing, leave {owner} out."))
    return number


def happens(probability: float, generator: np.random.Generator) -> bool:
    """Draw whether something happens. What is certain draws nothing.

    Args:
        probability: In [0, 1]. Checks nothing.
        generator: Source of all randomness.

    Returns:
        Whether it does.

    Example:
        >>> happens(1.0, np.random.default_rng(0))
        True
    """
    return probability == 1 or bool(generator.random() < probability)


def shares(owner: str, weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Turn weights into probabilities: w_k / sum(w).

    Args:
        owner: Public name of what the user called.
        weights: A number of at least 0 for each of ``count``, not all 0; None for equal ones.
        count: How many there are, >= 1.

    Returns:
        ``count`` numbers in [0, 1] that sum to 1.

    Raises:
        TypeError: A weight is no number.
        ValueError: A weight is negative or not finite; there are too many or too few; or all are 0.

    Example:
        >>> shares("OneOf", [3, 1], 2)
        (0.75, 0.25)
    """
    given = [1.0] * count if weights is None else [non_negative_float(owner, "weights", each) for each in weights]
    if len(given) != count:
        raise ValueError(message(owner, "weights", f"be {count} numbers, one for each", list(given)))
    total = math.fsum(given)
    if total == 0:
        raise ValueError(message(owner, "weights", "not all be 0", list(given)))
    return tuple(each / total for each in given)


def choose(probabilities: Sequence[float], generator: np.random.Generator) -> int:
    """Draw one of several.

    Args:
        probabilities: Of each; they sum to 1. Checks nothing.
        generator: Source of all randomness.

    Returns:
        Its index, in [0, len(probabilities)); never that of a probability of 0.

    Example:
        >>> choose([0.0, 1.0], np.random.default_rng(0))
        1
    """
    cumulated = list(accumulate(probabilities))  # as Generator.choice, which makes arrays of them each time
    return bisect_right(cumulated, cumulated[-1] * generator.random())


def keep_some(draw: ErasingDraw, probability: float, generator: np.random.Generator) -> ErasingDraw:
    """Draw which images of a batch lose anything. What is certain draws nothing.

    Args:
        draw: What each would lose.
        probability: Of each image, independent of the others, in [0, 1]. Checks nothing.
        generator: Source of all randomness.

    Returns:
        A draw of the same shape; the boxes of all other images are (0, 0, 0, 0). ``draw`` itself if all lose theirs
        with certainty.

    Example:
        >>> draw = ErasingDraw(boxes=np.array([[[1, 1, 2, 2]]]), height=4, width=4)
        >>> keep_some(draw, 0.0, np.random.default_rng(0)).boxes.tolist()
        [[[0, 0, 0, 0]]]
    """
    if probability == 1:
        return draw
    is_kept = generator.random(draw.batch_size) < probability
    return ErasingDraw(draw.boxes * is_kept[:, None, None], draw.height, draw.width)
