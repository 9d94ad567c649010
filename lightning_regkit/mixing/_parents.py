"""The M labels of every example of a mixed batch, and their weights."""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from lightning_regkit._checks import message

__all__ = ["INTEGERS", "Parents", "check_parents", "dominant_labels", "spread"]

INTEGERS: Final = frozenset({torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64})
WEIGHTS_NDIM: Final = 2
SUM_TOLERANCE: Final = 1e-3


@final
@dataclass(frozen=True, eq=False)
class Parents:
    """The M labels of every element of a batch, and their weights. Checks nothing.

    Args:
        labels: Labels (M, B, ...), any dtype.
        weights: Weight of every label, float32: (M, B), or (M, B, ...) where elements of one row differ in weight.

    Example:
        >>> Parents(torch.tensor([[0], [1]]), torch.tensor([[0.75], [0.25]])).weights.shape
        torch.Size([2, 1])
    """

    labels: Tensor
    weights: Tensor


def check_parents(owner: str, labels: Tensor, weights: Tensor) -> None:
    """Refuse labels and weights that do not fit together.

    Args:
        owner: Public name of what the user called.
        labels: Class indices (M, B, ...), any integer dtype, M >= 1.
        weights: Weight of every label of an example, float32 (M, B), summing to 1 over M. The sum is checked on the CPU
            only: elsewhere the check would wait for the device.

    Raises:
        TypeError: A dtype is wrong.
        ValueError: The shapes do not match, or the weights do not sum to 1.

    Example:
        >>> check_parents("MixedTarget", torch.tensor([[0], [1]]), torch.tensor([[0.75], [0.25]]))
    """
    if labels.dtype not in INTEGERS:
        raise TypeError(message(owner, "labels", "be of an integer dtype", labels.dtype))
    if weights.dtype != torch.float32:
        raise TypeError(message(owner, "weights", "be of dtype torch.float32", weights.dtype))
    if weights.ndim != WEIGHTS_NDIM or labels.shape[:WEIGHTS_NDIM] != weights.shape or not len(labels):
        shapes = (tuple(labels.shape), tuple(weights.shape))
        raise ValueError(message(owner, "labels and weights", "be (M, B, ...) and (M, B), M >= 1", shapes))
    if weights.device.type == "cpu" and not ((weights.sum(0) - 1).abs() <= SUM_TOLERANCE).all():
        raise ValueError(message(owner, "weights", "sum to 1 over M", weights.tolist()))


def spread(weights: Tensor, labels: Tensor) -> Tensor:
    """Give the weights as many dimensions as the labels.

    Args:
        weights: Tensor whose shape is the beginning of that of ``labels``, as (M, B).
        labels: Tensor (M, B, ...).

    Returns:
        A view of ``weights`` that broadcasts with ``labels``, as (M, B, 1, ...).

    Example:
        >>> spread(torch.ones(2, 3), torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 1, 1])
    """
    return weights.reshape(*weights.shape, *(1 for _ in labels.shape[weights.ndim :]))


def dominant_labels(labels: Tensor, weights: Tensor) -> Tensor:
    """Choose for every element the label of the largest total weight: equal labels of several parents add up.

    Args:
        labels: Class indices (M, B, ...), any integer dtype.
        weights: Weight of every label of an example (M, B).

    Returns:
        A new tensor (B, ...) of the dtype of ``labels``; on a tie the label of the first parent among the best.

    Example:
        >>> dominant_labels(torch.tensor([[5], [7], [7]]), torch.tensor([[0.4], [0.3], [0.3]]))
        tensor([7])
    """
    shares = spread(weights, labels)
    totals = torch.stack([(shares * (labels == parent)).sum(0) for parent in labels])  # (M, B, ...)
    return labels.gather(0, totals.argmax(0, keepdim=True)).squeeze(0)
