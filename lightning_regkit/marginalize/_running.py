"""A mean that takes one view at a time."""

import math
from typing import Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit._checks import message, non_negative_float
from lightning_regkit.marginalize._averaging import Averaging

__all__ = ["RunningMean"]

CLASS_DIM: Final = 1


@final
class RunningMean:
    """The weighted mean of the predictive distributions seen so far, in the memory of one view.

    With views v of weights w_v, and log p_v the logarithm of the predicted distribution,

        softmax: log sum_v w_v p_v - log sum_v w_v,    sigmoid: log sum_v w_v p_v - log sum_v w_v (1 - p_v),

    summed by ``logaddexp``, so that no finite scores give an infinity. Scores of half precision are summed in float32.

    Args:
        averaging: Which mean; None for the arithmetic one of softmax distributions.

    Example:
        >>> mean = RunningMean()
        >>> mean.add(torch.tensor([[0.9, 0.1]]).log())
        >>> mean.add(torch.tensor([[0.5, 0.5]]).log())
        >>> mean.value().softmax(1)
        tensor([[0.7000, 0.3000]])
    """

    def __init__(self, averaging: Averaging | None = None) -> None:
        self._averaging = averaging or Averaging()
        self._shape: tuple[int, ...] | None = None
        self._sums: tuple[Tensor, ...] = ()
        self._total = 0.0

    def add(self, scores: Tensor, weight: float = 1.0) -> None:
        """Take in one view, without waiting for its device.

        Args:
            scores: What the model returned, any floating dtype: (B, K, ...) for ``"softmax"``, else of any shape; not
                modified.
            weight: Weight relative to the other views, >= 0. A view of weight 0 adds nothing, not even infinity.

        Raises:
            TypeError: ``scores`` is no floating tensor, or ``weight`` no number.
            ValueError: ``scores`` has no class dimension or another shape than before; ``weight`` is out of range.
        """
        self._check(scores)
        if non_negative_float("marginalize", "weight", weight) == 0:
            return
        exact = scores.to(torch.promote_types(scores.dtype, torch.float32))
        terms = self._terms(exact)
        if self._averaging.is_of_probs:
            log_weight = math.log(weight)
            terms = tuple(term + log_weight for term in terms)
            self._sums = tuple(map(torch.logaddexp, self._sums, terms)) if self._sums else terms
        else:
            terms = tuple(term * weight for term in terms)
            self._sums = tuple(map(torch.add, self._sums, terms)) if self._sums else terms
        self._total += weight

    def value(self) -> Tensor:
        """Return the mean of the views so far, as scores whose activation is the mean distribution.

        Returns:
            A new tensor of the shape of one view: float32, or float64 if a view was. Of softmax probabilities, it is
            normalized: the logarithms of the mean.

        Raises:
            ValueError: No view of positive weight was added.
        """
        if not self._sums:
            raise ValueError(message("marginalize", "views", "hold one of positive weight", []))
        match self._averaging:
            case Averaging("softmax", "probs"):
                return self._sums[0] - math.log(self._total)
            case Averaging("sigmoid", "probs"):
                return self._sums[0] - self._sums[1]
            case Averaging("softmax", "log_probs"):
                return F.log_softmax(self._sums[0] / self._total, CLASS_DIM)
        return self._sums[0] / self._total

    def _terms(self, scores: Tensor) -> tuple[Tensor, ...]:
        match self._averaging:
            case Averaging("softmax", "probs" | "log_probs"):
                return (F.log_softmax(scores, CLASS_DIM),)
            case Averaging("sigmoid", "probs"):
                return F.logsigmoid(scores), F.logsigmoid(-scores)
        # The log odds of a geometric mean are the mean of the log odds: sigmoid needs no case of its own.
        return (scores,)

    def _check(self, scores: object) -> None:
        if not isinstance(scores, Tensor) or not scores.is_floating_point():
            kind = scores.dtype if isinstance(scores, Tensor) else type(scores).__name__
            raise TypeError(message("marginalize", "scores", "be floating point tensors", kind))
        shape = tuple(scores.shape)
        if self._averaging.activation == "softmax" and len(shape) <= CLASS_DIM:
            remedy = "With one score per example, pass activation='sigmoid'."
            raise ValueError(message("marginalize", "scores", "be of shape (B, K, ...)", shape, remedy))
        if self._shape not in (None, shape):
            raise ValueError(message("marginalize", "scores", f"all be of shape {self._shape}", shape))
        self._shape = shape
