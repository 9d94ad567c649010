"""A stream of values to verdicts: is this the best so far, and is it time to stop."""

from dataclasses import dataclass
from typing import final

from lightning_regkit.stopping._moment import START, Moment
from lightning_regkit.stopping._reason import Stop, reason_to_stop
from lightning_regkit.stopping._rule import StoppingRule, is_improvement
from lightning_regkit.stopping._state import StoppingState

__all__ = ["Verdict", "judge"]


@final
@dataclass(frozen=True)
class Verdict:
    """What one value means.

    Args:
        state: What to remember.
        is_best: Whether it is the best so far.
        stop: Why to stop now; None to go on.

    Returns:
        An immutable, hashable value.

    Example:
        >>> Verdict(StoppingState(), is_best=False, stop=None).is_best
        False
    """

    state: StoppingState
    is_best: bool
    stop: Stop | None


def judge(rule: StoppingRule, state: StoppingState, value: float, at: Moment) -> Verdict:
    """Judge one more value.

    Args:
        rule: The settings.
        state: What is remembered of the values before.
        value: What was observed; NaN is never an improvement.
        at: When, later than the value before; its ``checks`` is counted here.

    Returns:
        The verdict. It depends on the values and moments alone, so a stream may be cut and gone on with.

    Example:
        >>> from fractions import Fraction
        >>> rule, state = StoppingRule("max", patience=2), StoppingState()
        >>> for epoch, value in enumerate((0.7, 0.8, 0.8, 0.75), start=1):
        ...     verdict = judge(rule, state, value, Moment(Fraction(epoch), steps=10 * epoch))
        ...     state = verdict.state
        >>> verdict.stop.describe("val_acc")
        'val_acc has not improved on 0.8 in 2 checks'
    """
    now = Moment(at.epochs, at.steps, state.last_at.checks + 1)
    is_best = is_improvement(rule, state.best, value)
    is_early = now.since(START, rule.start.unit).value <= rule.start.value
    after = StoppingState(
        best=value if is_best else state.best,
        best_at=now if is_best else state.best_at,
        last=value,
        last_at=now,
        since=now if is_best or is_early else state.since,
    )
    return Verdict(after, is_best, reason_to_stop(rule, after))
