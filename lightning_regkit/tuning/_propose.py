"""Which hyperparameters mattered, and where to look next."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal, final

from lightning_regkit.tuning._space import Among, Between, Space, Value
from lightning_regkit.tuning._table import Row

__all__ = ["Proposal", "importance", "propose", "said"]

#: Share of the trials that count as good, and how many at least; and of how many.
GOOD: Final = 0.25
FEWEST_GOOD: Final = 2
FEWEST: Final = 3
#: What may be looked for outside of the space.
WIDENED: Final = frozenset({"lr", "weight_decay"})
#: Groups that a number is cut into, to see how much of the score it explains.
GROUPS: Final = 4
#: Share of an interval within which the best value is at its edge.
EDGE: Final = 0.1


@final
@dataclass(frozen=True)
class Proposal:
    """Where to look next.

    Args:
        space: The next one.
        sentence: Why.

    Example:
        >>> Proposal({"lr": Between(0.01, 0.1)}, "The best trials are there.").space["lr"].low
        0.01
    """

    space: Space
    sentence: str


def importance(rows: Sequence[Row], name: str) -> float:
    r"""Share of the variance of the score that groups of one hyperparameter explain.

    .. math:: η^2 = \sum_g n_g (\bar y_g - \bar y)^2 / \sum_i (y_i - \bar y)^2

    Args:
        rows: Trials; those without score or value count for nothing.
        name: Of the hyperparameter. Numbers are cut into 4 groups of equal size, other values are groups of their own.

    Returns:
        η² in [0, 1], 0 where scores do not differ. A hyperparameter that does nothing has about 3 / (n - 1).

    Example:
        >>> rows = [Row("s", k, "complete", 0, {"lr": k, "other": k % 2}, 1, best=k) for k in range(8)]
        >>> round(importance(rows, "lr"), 2), round(importance(rows, "other"), 2)
        (0.95, 0.05)

    Reference:
        Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13, 2012, figure 1, for the idea;
        η² is Pearson's correlation ratio.
    """
    pairs = [(row.values[name], row.best) for row in rows if row.best is not None and name in row.values]
    groups: dict[object, list[float]] = {}
    numbers = sorted(value for value, _ in pairs if isinstance(value, int | float))
    is_number = len(numbers) == len(pairs) and len(set(numbers)) > GROUPS
    for value, score in pairs:
        place = numbers.index(value) * GROUPS // len(numbers) if is_number and isinstance(value, int | float) else value
        groups.setdefault(place, []).append(score)
    scores = [score for _, score in pairs]
    total = sum((score - fmean(scores)) ** 2 for score in scores)
    between = sum(len(group) * (fmean(group) - fmean(scores)) ** 2 for group in groups.values())
    return between / total if total > 0 else 0.0


def propose(rows: Sequence[Row], space: Space, *, mode: Literal["max", "min"] = "max") -> Proposal:
    """Narrow intervals to where the best quarter of the trials is, or move on where the best one is at an edge.

    Only ``lr`` and ``weight_decay`` move out of their intervals; of others the part near the edge stays. Of lists those
    values stay that the better half of the trials has.

    Args:
        rows: Trials; those without score count for nothing.
        space: That they are from.
        mode: Whether more of the score is better.

    Returns:
        The next space; the same one while there are fewer than 3 trials with a score.

    Example:
        >>> rows = [Row("s", k, "complete", 0, {"lr": 0.001 * 2**k}, 1, best=-abs(k - 4)) for k in range(9)]
        >>> found = propose(rows, {"lr": Between(0.001, 0.256)})
        >>> round(found.space["lr"].low, 4), round(found.space["lr"].high, 4)
        (0.0067, 0.019)
    """
    scored = [(row.best, row) for row in rows if row.best is not None]
    if len(scored) < FEWEST:
        return Proposal(space, f"{len(scored)} trials are too few to look elsewhere.")
    scored.sort(key=lambda pair: pair[0], reverse=mode == "max")
    good = [row for _, row in scored[: max(FEWEST_GOOD, round(GOOD * len(scored)))]]
    found: dict[str, Between | Among] = {}
    texts = [f"The best trial has {scored[0][0]:.4g} with {said(good[0].values)}."]
    for name, each in space.items():
        if isinstance(each, Between):
            found[name], text = _narrowed(name, each, [float(str(row.values[name])) for row in good])
            texts.append(text)
        else:
            better = {row.values[name] for _, row in scored[: max(FEWEST, len(scored) // 2)]}
            found[name] = Among(tuple(value for value in each.values if value in better))
    return Proposal(found, " ".join(texts))


def _narrowed(name: str, each: Between, values: list[float]) -> tuple[Between, str]:
    best = each.share(values[0])
    margin = (
        0.5 / max(1, each.points - 1)
        if len(set(values)) == 1
        else 0.25 * (each.share(max(values)) - each.share(min(values)))
    )
    if best < EDGE or best > 1 - EDGE:
        side = -1 if best < EDGE else 1
        low, high = (best - 0.5, best + 0.25) if side < 0 else (best - 0.25, best + 0.5)
        text = f"{name} is best at its {'lower' if side < 0 else 'upper'} edge: look beyond it"
        if name not in WIDENED:  # a probability ends at 1
            low, high = max(0.0, low), min(1.0, high)
            text += " if it may go beyond"
        text += "."
    else:
        shares = [each.share(value) for value in values]
        low, high = max(0.0, min(shares) - margin), min(1.0, max(shares) + margin)
        text = f"{name}: look from {_at(each, low):.2g} to {_at(each, high):.2g}."
    return Between(_at(each, low), _at(each, high), each.is_log, each.points), text


def _at(each: Between, share: float) -> float:
    if each.is_log:
        return each.low * math.pow(each.high / each.low, share)
    return each.low + (each.high - each.low) * share


def said(values: Mapping[str, Value]) -> str:
    """Write values as ``lr=0.02, optimizer=adamw``."""
    parts = (f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items())
    return ", ".join(parts)
