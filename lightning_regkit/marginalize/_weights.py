"""A stream of scores with the weight of each."""

import math
from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from lightning_regkit._checks import message, non_negative_float

__all__ = ["weighted"]


def weighted(owner: str, scores: Iterable[Tensor], weights: Sequence[float] | None) -> Iterator[tuple[Tensor, float]]:
    """Pair every element of a stream with its weight, one at a time.

    Args:
        owner: Public name of what the user called.
        scores: Any number of tensors, >= 1; may be a generator.
        weights: A number >= 0 for each, in any unit; None for equal weights.

    Returns:
        Pairs of an element and its weight. Weights that are given are divided by their sum, others are 1.

    Raises:
        TypeError: A weight is no number.
        ValueError: A weight is negative or not finite, all are 0, their number differs from that of ``scores``, or
            ``scores`` is empty.

    Example:
        >>> [weight for _, weight in weighted("combine", [Tensor(), Tensor()], [3, 1])]
        [0.75, 0.25]
    """
    shares = None if weights is None else _shares(owner, weights)
    count = 0
    for count, element in enumerate(scores, start=1):
        if shares is not None and count > len(shares):
            raise ValueError(_wrong_number(owner, len(shares), f"more than {len(shares)}"))
        yield element, 1.0 if shares is None else shares[count - 1]
    if count == 0:
        raise ValueError(message(owner, "scores", "hold at least one view", []))
    if shares is not None and count < len(shares):
        raise ValueError(_wrong_number(owner, len(shares), str(count)))


def _shares(owner: str, weights: Sequence[float]) -> list[float]:
    numbers = [non_negative_float(owner, "weights", weight) for weight in weights]
    # Divided by the largest first: the sum of huge numbers is no number.
    largest = max(numbers, default=0.0)
    if largest == 0:
        raise ValueError(message(owner, "weights", "hold a number above 0", list(weights)))
    relative = [number / largest for number in numbers]
    total = math.fsum(relative)
    return [number / total for number in relative]


def _wrong_number(owner: str, given: int, views: str) -> str:
    return message(owner, "weights", "hold one number per view", given, f"Number of views: {views}.")
