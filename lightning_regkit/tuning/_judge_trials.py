"""Which of a few rates make the loss fall?"""

import math
from collections.abc import Sequence
from statistics import fmean

from lightning_regkit.tuning._judge_overfit import FALLS
from lightning_regkit.tuning._verdict import HEALTHY, Verdict

__all__ = ["judge_trials", "last_loss"]


def last_loss(losses: Sequence[float]) -> float:
    """Average the last tenth, at least one; infinite where any loss is not finite.

    Args:
        losses: Of each step, at least one.
    """
    if not all(math.isfinite(loss) for loss in losses):
        return math.inf
    return fmean(losses[-max(1, len(losses) // 10) :])


def judge_trials(rates: Sequence[float], losses: Sequence[Sequence[float]]) -> tuple[float | None, Verdict]:
    """Say which rates lower the first loss by a tenth or more.

    Args:
        rates: Of each trial.
        losses: Of each trial, step by step.

    Returns:
        The rate of the lowest last loss among them, None where there is none; and the verdict.
    """
    ends = [last_loss(each) for each in losses]
    said = ", ".join(
        f"{rate:g}: {each[0]:.3g} to {end:.3g}" for rate, each, end in zip(rates, losses, ends, strict=True)
    )
    fallen = [
        (end, rate)
        for rate, each, end in zip(rates, losses, ends, strict=True)
        if math.isfinite(each[0]) and end <= (1 - FALLS) * each[0]
    ]
    if fallen:
        end, best = min(fallen)
        return best, Verdict(HEALTHY, f"A rate of {best:g} brings the loss down to {end:.3g} ({said}).")
    if all(math.isinf(end) for end in ends):
        return None, Verdict("not finite", f"The loss is not finite with any rate ({said}). Look at the first weights.")
    return None, Verdict("does not fall", f"The loss falls with no rate ({said}). See step 2.")
