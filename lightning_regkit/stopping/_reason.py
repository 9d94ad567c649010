"""Why a run is stopped: a value, and a sentence."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import final

from lightning_regkit.stopping._moment import START, Moment, Wait
from lightning_regkit.stopping._rule import StoppingRule
from lightning_regkit.stopping._state import StoppingState

__all__ = ["Stop", "StopReason", "reason_to_stop"]


@final
class StopReason(Enum):
    """Why a run is stopped.

    Args:
        value: Name of the reason.

    Example:
        >>> StopReason("patience")
        <StopReason.PATIENCE: 'patience'>
    """

    PATIENCE = "patience"
    TARGET = "target"
    DIVERGENCE = "divergence"
    NOT_FINITE = "not finite"


@final
@dataclass(frozen=True)
class Stop:
    """A reason to stop, with what it rests on.

    Args:
        reason: Which.
        value: The value observed last.
        bound: The best value where patience is over, else the threshold; None where there is none.
        waited: How long there has been no improvement, in the unit of the patience.

    Returns:
        An immutable, hashable value.

    Example:
        >>> from fractions import Fraction
        >>> Stop(StopReason.TARGET, value=0.96, bound=0.95, waited=Wait(Fraction(0), "ep")).describe("val_acc")
        'val_acc is 0.96 and has reached the target, 0.95'
    """

    reason: StopReason
    value: float
    bound: float | None
    waited: Wait

    def describe(self, monitor: str) -> str:
        """Say in one sentence why, of a metric of this name."""
        bound = "" if self.bound is None else f"{self.bound:g}"
        best = f"has not improved on {bound}" if bound else "has had no value that is a number"
        return {
            StopReason.PATIENCE: f"{monitor} {best} in {self.waited}",
            StopReason.TARGET: f"{monitor} is {self.value:g} and has reached the target, {bound}",
            StopReason.DIVERGENCE: f"{monitor} is {self.value:g} and has passed the divergence threshold, {bound}",
            StopReason.NOT_FINITE: f"{monitor} is {self.value:g}, which is not finite",
        }[self.reason]


def reason_to_stop(rule: StoppingRule, state: StoppingState) -> Stop | None:
    """Find a reason to stop after the value observed last, under settings that may have changed since.

    Args:
        rule: The settings.
        state: What is remembered.

    Returns:
        The first of: not finite, target, divergence, patience; None before ``min_epochs``, ``min_steps`` and
        ``start_after``, and where there is none.

    Example:
        >>> from fractions import Fraction
        >>> state = StoppingState(best=0.8, last=0.7, last_at=Moment(Fraction(5)), since=Moment(Fraction(2)))
        >>> [reason_to_stop(StoppingRule("max", patience), state) is None for patience in ("3ep", "4ep")]
        [False, True]
    """
    if state.last is None or _is_too_early(rule, state.last_at):
        return None
    limits, value, waited = rule.limits, state.last, state.last_at.since(state.since, rule.wait.unit)
    if limits.check_finite and not math.isfinite(value):
        return Stop(StopReason.NOT_FINITE, value, None, waited)
    if limits.target is not None and (value == limits.target or rule.is_beyond(value, limits.target)):
        return Stop(StopReason.TARGET, value, limits.target, waited)
    if limits.divergence is not None and rule.is_beyond(limits.divergence, value):
        return Stop(StopReason.DIVERGENCE, value, limits.divergence, waited)
    if state.since != state.last_at and waited.value >= rule.wait.value:
        return Stop(StopReason.PATIENCE, value, state.best, waited)
    return None


def _is_too_early(rule: StoppingRule, now: Moment) -> bool:
    is_short = now.epochs < rule.limits.min_epochs or now.steps < rule.limits.min_steps
    return is_short or now.since(START, rule.start.unit).value < rule.start.value
