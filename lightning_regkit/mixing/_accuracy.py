"""Accuracy on mixed batches."""

from typing import final

import torch
from torch import Tensor
from torchmetrics import Metric
from typing_extensions import override

from lightning_regkit._checks import message, positive_int
from lightning_regkit.mixing._parents import Parents, spread
from lightning_regkit.mixing._targets import MixedTarget

__all__ = ["MixedAccuracy"]


@final
class MixedAccuracy(Metric):
    """Share of labels predicted, every label of a mixed example counted by its weight: sum_m w_m [y_m is predicted].

    On plain labels it is ordinary accuracy over all examples. ``update(preds, target)`` takes scores (B, K, ...), or
    class indices (B, ...) for ``top_k=1``, and labels (B, ...), mixed or plain. Over several processes sums are added.

    Args:
        top_k: A label is predicted if it is among that many highest scores, >= 1.
        ignore_index: Label that does not count, in any weight; None counts all.

    Returns:
        ``compute()`` gives a scalar in [0, 1]; NaN where nothing counted.

    Raises:
        TypeError: ``top_k`` is no integer.
        ValueError: ``top_k`` is below 1. When used: shapes do not match, or ``target`` holds no class indices.

    Example:
        >>> accuracy = MixedAccuracy()
        >>> target = MixedTarget(torch.tensor([[0], [1]]), torch.tensor([[0.75], [0.25]]))
        >>> round(accuracy(torch.tensor([[2.0, 1.0]]), target).item(), 4)
        0.75

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; the training accuracy of the authors'
        code, lam acc_a + (1 - lam) acc_b.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    correct: Tensor
    total: Tensor

    def __init__(self, top_k: int = 1, ignore_index: int | None = None) -> None:
        super().__init__()
        self.top_k = positive_int("MixedAccuracy", "top_k", top_k)
        self.ignore_index = ignore_index
        self.add_state("correct", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")

    @override
    def update(self, preds: Tensor, target: Tensor) -> None:
        parents = _parents(target)
        shares = spread(parents.weights, parents.labels).expand_as(parents.labels)
        if self.ignore_index is not None:
            shares = shares * (parents.labels != self.ignore_index)
        self.correct += (shares * self._is_predicted(preds, parents.labels)).sum()
        self.total += shares.sum()

    @override
    def compute(self) -> Tensor:
        return self.correct / self.total

    def _is_predicted(self, preds: Tensor, labels: Tensor) -> Tensor:
        shape = labels.shape[1:]
        if preds.shape == shape and not preds.is_floating_point() and self.top_k == 1:
            return preds == labels
        if preds.ndim != labels.ndim or preds.shape[:1] + preds.shape[2:] != shape:
            condition = f"be scores (B, K, ...) or, for top_k=1, class indices (B, ...) for a target {tuple(shape)}"
            raise ValueError(message("MixedAccuracy", "preds", condition, tuple(preds.shape)))
        best = preds.topk(self.top_k, dim=1).indices  # (B, k, ...)
        return (best == labels.unsqueeze(2)).any(2)


def _parents(target: Tensor) -> Parents:
    if isinstance(target, MixedTarget):
        return Parents(target.labels, target.weights)
    if target.is_floating_point():
        remedy = "Probabilities have no one label: give the labels."
        raise ValueError(message("MixedAccuracy", "target", "hold class indices", target.dtype, remedy))
    return Parents(target[None], torch.ones(1, *target.shape[:1], device=target.device))
