"""Does a network learn a handful of batches by heart, and if not, why?"""

import math
from collections.abc import Sequence
from typing import Final

from lightning_regkit.tuning._overfitted import Overfitted
from lightning_regkit.tuning._smooth import smooth
from lightning_regkit.tuning._verdict import HEALTHY, Verdict

__all__ = ["FALLS", "judge_overfit", "softmax_floor"]

#: Accuracy that counts as all of it: one in a hundred may be wrong.
ALL: Final = 0.99
#: Share of the first loss that must be gone.
FALLS: Final = 0.1
#: Change of the weights, as a share of their norm, below which they have hardly moved.
HARDLY: Final = 1e-2
#: Share of the weights, or of the units.
MOST: Final = 0.5


def softmax_floor(num_classes: int) -> float:
    """Return the smallest cross-entropy of outputs that are probabilities: log(1 + (K - 1) / e).

    Args:
        num_classes: K.

    Example:
        >>> round(softmax_floor(10), 4)
        1.4612
    """
    return math.log1p((num_classes - 1) / math.e)


def judge_overfit(seen: Overfitted) -> Verdict:
    """Say whether it was learned by heart, and name the likely cause if it was not.

    Args:
        seen: What happened.

    Returns:
        The verdict.
    """
    wild = next((step for step, loss in enumerate(seen.losses) if not math.isfinite(loss)), None)
    if wild is not None:
        text = (
            f"The loss is {seen.losses[wild]} at step {wild}. Lower the rate ten times, or make first weights smaller."
        )
        return Verdict("not finite", text)
    first, last = _ends(seen.losses)
    compared = f"The loss went from {first:.4g} to {last:.4g} in {len(seen.losses)} steps"
    if seen.accuracy is not None:
        compared += f", with {seen.accuracy:.1%} right"
    if _is_floored(seen, last):
        return Verdict("double softmax", f"{compared}: it is held up by a softmax too many. Return logits.")
    is_fallen = last <= (1 - FALLS) * first
    is_learned = last <= FALLS * first if seen.accuracy is None else seen.accuracy >= ALL
    if is_fallen and is_learned:
        return Verdict(HEALTHY, f"{compared}.")
    if (found := _of_units(seen, compared)) is not None:
        return found
    if is_fallen:
        return _cannot_fit(seen, compared)
    return _does_not_fall(seen, compared, is_higher=last > (1 + FALLS) * first)


def _of_units(seen: Overfitted, compared: str) -> Verdict | None:
    """Blame units without slope: they were so before any step, so no rate is to blame."""
    if seen.saturated > MOST:
        text = f"{compared}: {seen.saturated:.0%} of the outputs of a tanh or sigmoid begin at the ends of its range, "
        return Verdict("saturating init", f"{text}without slope. Make first weights smaller, or normalize the inputs.")
    if seen.dead > MOST:
        text = f"{compared}: {seen.dead:.0%} of the units of a ReLU begin below 0 for all images, without gradient. "
        return Verdict("dead units", f"{text}Set first biases to 0, or normalize the inputs.")
    return None


def _cannot_fit(seen: Overfitted, compared: str) -> Verdict:
    if seen.frozen > MOST:
        return _frozen(seen, compared)
    text = (
        f"{compared}: it falls, but cannot fit. Are labels shuffled? Else the network is too small, or the rate is off."
    )
    return Verdict("cannot fit", text)


def _frozen(seen: Overfitted, compared: str) -> Verdict:
    text = f"{compared}: {seen.frozen:.0%} of the weights are frozen. Train them, and see that the optimizer has them."
    return Verdict("frozen", text)


def _ends(losses: Sequence[float]) -> tuple[float, float]:
    smoothed = smooth(losses, len(losses) // 20)
    return losses[0], smoothed[-1 - len(losses) // 20]


def _is_floored(seen: Overfitted, last: float) -> bool:
    spec = seen.spec
    if spec is None or spec.name != "cross_entropy" or seen.accuracy is None or spec.label_smoothing > 0:
        return False
    floor = softmax_floor(spec.num_classes)
    return seen.accuracy >= ALL and spec.reduction == "mean" and floor <= last <= 1.1 * floor


def _does_not_fall(seen: Overfitted, compared: str, *, is_higher: bool) -> Verdict:
    if is_higher:
        return Verdict("rate too high", f"{compared}: it rises. Lower the rate ten times.")
    if seen.without_gradient > MOST:
        text = f"{compared}: {seen.without_gradient:.0%} of the weights have no gradient. They begin at zero, or "
        return Verdict("bad init", f"{text}nothing leads to them: begin with small random weights.")
    if seen.frozen > MOST:
        return _frozen(seen, compared)
    if seen.moved < HARDLY:
        text = f"{compared}: weights have moved by {seen.moved:.1g} of their norm. Raise the rate ten times."
        return Verdict("rate too low", text)
    text = f"{compared}: weights move, it does not fall. The rate is too high, units saturate, or labels do not belong."
    return Verdict("does not fall", text)
