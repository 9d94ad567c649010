"""Is the loss before the first step what algebra says, and if not, why?"""

import math
from dataclasses import replace
from statistics import pstdev
from typing import Final

from lightning_regkit.tuning._expected_loss import LossSpec, expected_loss
from lightning_regkit.tuning._observed import Observed
from lightning_regkit.tuning._verdict import HEALTHY, Verdict

__all__ = ["judge_initial", "slack"]

#: How far above the expected loss is fine: outputs that vary by 1.5 cost 1.1 (CE), 0.28 (BCE, a class). Residual nets
#: with the usual initial weights are up to 0.9 above.
ABOVE: Final = {"cross_entropy": 1.2, "bce": 0.3}
#: How far below is fine: the error of a mean over few images.
BELOW: Final = {"cross_entropy": 0.25, "bce": 0.07}
#: Root mean square of inputs beyond which they are not normalized.
LARGE_INPUT: Final = 5.0
#: Share by which a loss may differ from one that is reduced otherwise, to be taken for it: unseen, and seen.
GUESS: Final = 0.25
EXACT: Final = 0.01
#: Outputs lean when their means differ by so many times what they vary.
LEANS: Final = 3.0
#: A class is missing by chance less often than this.
RARE: Final = 1e-4


def slack(spec: LossSpec) -> tuple[float, float]:
    """Return how far below and above the expected loss, a mean over images, a healthy one may be."""
    classes = spec.num_classes if spec.name == "bce" and spec.reduction == "class_sum" else 1
    return BELOW[spec.name] * classes, ABOVE[spec.name] * classes


def judge_initial(seen: Observed) -> Verdict:
    """Compare the loss with :func:`expected_loss`, and name the likely cause of a difference.

    Args:
        seen: What the first batches look like.

    Returns:
        The verdict; what is certain comes before what is likely.
    """
    return _of_data(seen) or _of_network(seen) or _of_loss(seen)


def _of_data(seen: Observed) -> Verdict | None:
    if seen.num_repeated:
        text = f"{seen.num_repeated} validation images are training images, byte for byte. Split the data again."
        return Verdict("overlap", text)
    if seen.labels is None or seen.spec is None:
        return None
    (low, high), count = seen.labels, seen.spec.num_classes
    if low < 0 or high >= count:
        shift = " They are off by one: subtract 1." if (low, high) == (1, count) else ""
        text = f"Labels run from {low} to {high}, but {count} outputs take labels 0 to {count - 1}.{shift}"
        return Verdict("labels off by one" if shift else "labels out of range", text)
    if low == 1 and high == count - 1 and (1 - 1 / count) ** seen.num_images < RARE:
        text = f"No label of {seen.num_images} is 0: labels 1 to {high} are off by one, or there is an output too many."
        return Verdict("labels off by one", text)
    return None


def _of_network(seen: Observed) -> Verdict | None:
    if seen.eval_norms:
        names = ", ".join(seen.eval_norms[:3])
        text = f"Batch norms are in eval mode in training ({names}): their statistics stay as they are. Call train()."
        return Verdict("batch norm in eval", text)
    if not math.isfinite(seen.loss):
        return Verdict("not finite", f"The loss is {seen.loss} before any step. Look for bad inputs or a bad init.")
    if seen.are_probabilities:
        text = "What goes into the loss of logits adds up to 1 already: a softmax too many. Return logits."
        return Verdict("double softmax", text)
    return None


def _of_loss(seen: Observed) -> Verdict:
    spec = seen.spec
    if spec is None:
        return Verdict("unknown loss", f"The loss is {seen.loss:.4g}; no cross-entropy was seen to compare it with.")
    expected = expected_loss(spec, batch_size=seen.batch_size, penalty=seen.penalty)
    compared = f"The loss is {seen.loss:.4g}, expected was {expected:.4g}"
    if spec.reduction == "sum" and seen.batch_size > 1:
        text = f"{compared}: it is summed over the batch, so steps grow with the batch. Take the mean over images."
        return Verdict("wrong reduction", text)
    below, above = slack(spec)
    if expected - expected_loss(replace(spec, bias=None), batch_size=seen.batch_size, penalty=seen.penalty) > above:
        text = f"{compared}: the bias of the output costs most of it. Set it to 0, or to log shares."
        return Verdict("bias init", text)
    if -below <= seen.loss - expected <= above:
        return Verdict(HEALTHY, f"{compared}.")
    return _of_difference(seen, spec, compared, expected + above)


def _of_difference(seen: Observed, spec: LossSpec, compared: str, limit: float) -> Verdict:
    if reduction := _of_reduction(seen, spec):
        return Verdict("wrong reduction", f"{compared}: {reduction} Take the mean over images.")
    if seen.loss < limit:
        text = f"{compared}: better than chance before any step. Inputs give labels away, or weights are trained."
        return Verdict("better than chance", text)
    return _of_outputs(seen, compared)


def _of_reduction(seen: Observed, spec: LossSpec) -> str | None:
    """Compare with the mean; where the call was seen by its ratio, else by the loss itself."""
    guess = (seen.loss - seen.penalty) / expected_loss(replace(spec, reduction="mean"))
    ratio, tolerance = (guess, GUESS) if seen.ratio is None else (seen.ratio, EXACT)
    factors = {"the batch": seen.batch_size}
    if spec.name == "bce":
        factors |= {"the classes": spec.num_classes, "batch and classes": seen.batch_size * spec.num_classes}
    for what, factor in factors.items():
        for text, times in ((f"it is summed over {what}.", factor), (f"it is divided by {what} twice.", 1 / factor)):
            if factor > 1 and abs(ratio / times - 1) <= tolerance:
                return text
    return None


def _of_outputs(seen: Observed, compared: str) -> Verdict:
    if seen.inputs is not None and math.hypot(*seen.inputs) > LARGE_INPUT:
        text = f"{compared}: inputs have mean {seen.inputs[0]:.3g} and deviation {seen.inputs[1]:.3g}. Normalize them."
        return Verdict("unnormalized input", text)
    if seen.mean_outputs and seen.spread is not None and pstdev(seen.mean_outputs) > LEANS * seen.spread:
        text = f"{compared}: outputs lean to some classes for every image. Set their bias to 0, or to log shares."
        return Verdict("bias init", text)
    spread = "" if seen.spread is None else f": outputs vary by {seen.spread:.3g} before any step"
    return Verdict("large init", f"{compared}{spread}. Make initial weights smaller.")
