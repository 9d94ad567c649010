"""How sure the mean is, and how much of the doubt is disagreement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self, final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit._checks import one_of
from lightning_regkit.marginalize._averaging import Averaging
from lightning_regkit.marginalize._running import RunningMean
from lightning_regkit.marginalize._weights import weighted

__all__ = ["Uncertainty", "entropy", "uncertainty"]

CLASS_DIM: Final = 1
DISTRIBUTIONS: Final = ("sigmoid", "softmax")


@final
@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The mean of several predictions and how uncertain it is, in nats.

    Args:
        scores: The mean (B, K, ...), as :func:`combine` returns it.
        predictive_entropy: Entropy of the mean distribution, >= 0: (B, ...) for softmax, (B, K, ...) for sigmoid.
        expected_entropy: Mean of the entropies of the views, >= 0, of that shape: the doubt they share.

    Example:
        >>> sure = torch.tensor([[50.0, 0.0]])
        >>> found = uncertainty([sure, sure.flip(1)])
        >>> round(found.predictive_entropy.item(), 4), round(found.mutual_information.item(), 4)  # log 2
        (0.6931, 0.6931)
    """

    scores: Tensor
    predictive_entropy: Tensor
    expected_entropy: Tensor

    @property
    def mutual_information(self) -> Tensor:
        """Predictive minus expected entropy, >= 0: the doubt that comes from disagreement between views."""
        return (self.predictive_entropy - self.expected_entropy).clamp(min=0)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return several batches, at least one, as one, on the CPU."""
        columns = zip(*((part.scores, part.predictive_entropy, part.expected_entropy) for part in parts), strict=True)
        return cls(*(torch.cat(column).cpu() for column in columns))


def entropy(scores: Tensor, activation: str = "softmax") -> Tensor:
    """Entropy of predicted distributions, -sum_k p_k log p_k, in nats.

    Args:
        scores: (B, K, ...) for ``"softmax"``, of any shape for ``"sigmoid"``; any floating dtype, not modified.
        activation: ``"softmax"`` over dimension 1, or ``"sigmoid"``: every element is a distribution of two outcomes.

    Returns:
        float32, or float64 if ``scores`` is: (B, ...), in [0, log K], for softmax; of the shape of ``scores``, in
        [0, log 2], for sigmoid. Outcomes of probability 0 add 0.

    Raises:
        ValueError: ``activation`` makes no distribution.

    Example:
        >>> round(entropy(torch.zeros(1, 4)).item(), 4)  # log 4
        1.3863
    """
    one_of("marginalize.entropy", "activation", activation, DISTRIBUTIONS)
    exact = scores.to(torch.promote_types(scores.dtype, torch.float32))
    if activation == "softmax":
        return _surprise(F.log_softmax(exact, CLASS_DIM)).sum(CLASS_DIM)
    return _surprise(F.logsigmoid(exact)) + _surprise(F.logsigmoid(-exact))


def uncertainty(
    scores: Iterable[Tensor], *, weights: Sequence[float] | None = None, activation: str = "softmax"
) -> Uncertainty:
    """Average predictions as :func:`combine` does and measure their uncertainty, in one pass.

    With p the mean distribution and H the entropy, H(p) = sum_v w_v H(p_v) + mutual information.

    Args:
        scores: What the model returned for every view, all of one shape. Taken one by one, so that a generator needs
            the memory of one view; not modified.
        weights: A number >= 0 for every view, in any unit; None for equal weights.
        activation: ``"softmax"`` over dimension 1, or ``"sigmoid"``.

    Returns:
        Mean, predictive and expected entropy; made without waiting for the device.

    Raises:
        TypeError: ``scores`` are no floating tensors, or a weight is no number.
        ValueError: As :func:`combine`, or ``activation`` makes no distribution.

    Example:
        >>> found = uncertainty([torch.zeros(1, 4)] * 2)
        >>> round(found.expected_entropy.item(), 4), round(found.mutual_information.item(), 4)
        (1.3863, 0.0)

    Reference:
        Houlsby et al., "Bayesian Active Learning for Classification and Preference Learning", 2011, equation 2.
    """
    one_of("marginalize.uncertainty", "activation", activation, DISTRIBUTIONS)
    mean, expected = RunningMean(Averaging(activation)), RunningMean(Averaging("none"))
    for view, weight in weighted("marginalize.uncertainty", scores, weights):
        mean.add(view, weight)
        expected.add(entropy(view, activation), weight)
    combined = mean.value()
    return Uncertainty(combined, entropy(combined, activation), expected.value())


def _surprise(log_probs: Tensor) -> Tensor:
    """-p log p; 0 of an impossible outcome."""
    return torch.where(log_probs.isneginf(), 0, -log_probs.exp() * log_probs)
