"""Tell what a softmax makes sense of from what it does not."""

from typing import Final

import torch
from torch import Tensor

from lightning_regkit._checks import message

__all__ = ["refuse_probabilities", "refuse_single_scores"]

CLASS_DIM: Final = 1
MIN_CLASSES: Final = 2
TOLERANCE: Final = 1e-4


def refuse_probabilities(owner: str, scores: Tensor) -> None:
    """Refuse scores that look like the output of a softmax: another one would flatten them.

    Waits for the device: ask once a run, not once a batch.

    Args:
        owner: Public name of what the user called.
        scores: What the model returned (B, K, ...); not modified. Of another shape or no floating dtype, it passes.

    Raises:
        ValueError: All are in [0, 1], and all rows sum to 1 over dimension 1, to the precision of the dtype.

    Example:
        >>> refuse_probabilities("MultiCrop", torch.tensor([[0.9, 0.2]]))
    """
    if scores.ndim <= CLASS_DIM or scores.shape[CLASS_DIM] < MIN_CLASSES:
        return
    if scores.numel() == 0 or not scores.is_floating_point():
        return
    exact = scores.detach().to(torch.promote_types(scores.dtype, torch.float32))
    tolerance = max(TOLERANCE, torch.finfo(scores.dtype).eps)
    sums = exact.sum(CLASS_DIM)
    # The comparisons are false of NaN; none is above 1 where none is negative and the sum is 1.
    if bool((exact >= 0).all()) and bool(((sums - 1).abs() <= tolerance).all()):
        extremes = [round(float(value), 4) for value in (sums.min(), sums.max())]
        remedy = "Return what goes into softmax, or pass readout=Readout(activation='none')."
        condition = "be logits; these are in [0, 1] and sum to 1 over the classes"
        raise ValueError(message(owner, "scores", condition, extremes, remedy))


def refuse_single_scores(owner: str, scores: Tensor) -> None:
    """Refuse one score an example, of which a softmax makes 1, whatever it is.

    Args:
        owner: Public name of what the user called.
        scores: What the model returned; not modified.

    Raises:
        ValueError: They are not of shape (B, K, ...) with K of at least 2.

    Example:
        >>> refuse_single_scores("MultiCrop", torch.tensor([[0.9, 0.2]]))
    """
    if scores.ndim <= CLASS_DIM or scores.shape[CLASS_DIM] < MIN_CLASSES:
        remedy = "Pass readout=Readout(activation='sigmoid') for a binary classifier, 'none' for a regression."
        raise ValueError(message(owner, "scores", "be of two classes or more (B, K)", tuple(scores.shape), remedy))
