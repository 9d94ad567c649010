"""Slow loops over a whole history, with nothing remembered: what the verdicts have to be."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from lightning_regkit.stopping import Kept, Moment, Shelf, StoppingRule, StoppingState, Verdict, judge, place


@final
@dataclass(frozen=True)
class Expected:
    """What a history amounts to: the index of its best value, and the name of the reason to stop."""

    best: int | None
    reason: str | None


def moments(count: int, steps_per_epoch: int = 10) -> list[Moment]:
    return [Moment(Fraction(epoch), steps_per_epoch * epoch, epoch) for epoch in range(1, count + 1)]


def stream(rule: StoppingRule, values: list[float]) -> list[Verdict]:
    """Judge values at the ends of epochs, one after another."""
    state, verdicts = StoppingState(), []
    for value, at in zip(values, moments(len(values)), strict=True):
        verdicts.append(judge(rule, state, value, at))
        state = verdicts[-1].state
    return verdicts


def slowly(rule: StoppingRule, values: list[float]) -> Expected:
    """Read the history of epochs from its beginning; the patience is in checks, and there is no ``start_after``."""
    sign, limits = (1 if rule.mode == "max" else -1), rule.limits
    best: int | None = None
    for index, value in enumerate(values):
        if math.isnan(value) or (math.isinf(value) and limits.check_finite):
            continue
        if best is None or sign * value > sign * values[best] + rule.min_delta:
            best = index
    last, waited = sign * values[-1], len(values) - 1 - (-1 if best is None else best)
    if len(values) < limits.min_epochs or 10 * len(values) < limits.min_steps:
        return Expected(best, None)
    reasons: list[tuple[str, Any]] = [
        ("not finite", limits.check_finite and not math.isfinite(last)),
        ("target", limits.target is not None and last >= sign * limits.target),
        ("divergence", limits.divergence is not None and last < sign * limits.divergence),
        ("patience", best != len(values) - 1 and waited >= rule.patience),  # type: ignore[operator]
    ]
    return Expected(best, next((name for name, holds in reasons if holds), None))


def shelved(values: list[float], mode: Any, keep: Any) -> Shelf:
    """Put values named by their index on a shelf, the best by plain comparison."""
    shelf, rule = Shelf(), StoppingRule(mode)
    for index, verdict in enumerate(stream(rule, values)):
        shelf = place(shelf, Kept(str(index), values[index]), is_best=verdict.is_best, mode=mode, keep=keep)
    return shelf
