"""The mixture of the losses of several labels."""

from inspect import BoundArguments
from typing import Final

import torch
from torch import Tensor

from lightning_regkit._checks import message, one_of
from lightning_regkit.mixing._parents import Parents, spread
from lightning_regkit.mixing._registry import MixableLoss

__all__ = ["mixed_loss"]

REDUCTIONS: Final = ("mean", "none", "sum")
LEGACY: Final = ("size_average", "reduce")


def mixed_loss(loss: MixableLoss, call: BoundArguments, parents: Parents) -> Tensor:
    """Compute the unreduced loss of every label, mix element by element, then reduce as for hard labels.

    With l_mi the unreduced loss of label m at element i, and D what the loss of hard labels divides its mean by,

        L_i = sum_m w_mi l_mi,    "sum" = sum_i L_i,    "mean" = sum_i L_i / D.

    Args:
        loss: What to compute.
        call: Its arguments; their target is not looked at and replaced.
        parents: The labels and their weights.

    Returns:
        A scalar or, for ``"none"`` and losses that do not reduce themselves, (B,) or the shape of the target; of the
        dtype of the loss of hard labels. A label of weight 0 adds nothing, not even infinity.

    Raises:
        ValueError: The unreduced loss is neither (B,) nor of the shape of the target, or the reduction is unknown.

    Example:
        >>> from torch.nn.functional import cross_entropy
        >>> from lightning_regkit.mixing._registry import LOSSES
        >>> parents = Parents(torch.tensor([[0], [1]]), torch.tensor([[0.75], [0.25]]))
        >>> call = LOSSES[cross_entropy].bind((torch.tensor([[0.0, 0.0]]), None), {})
        >>> round(mixed_loss(LOSSES[cross_entropy], call, parents).item(), 4)  # log 2
        0.6931
    """
    _refuse_legacy(loss.name, call)
    reduction = one_of(loss.name, "reduction", call.arguments["reduction"], REDUCTIONS) if loss.is_reducing else "none"
    losses = torch.stack([_unreduced(loss, call, labels) for labels in parents.labels])  # (M, B, ...)
    shares = _shares(loss.name, losses, parents)
    mixed = torch.where(shares > 0, shares * losses, 0).sum(0)
    if reduction == "mean":
        total = loss.total(parents, call.arguments)
        mixed = mixed.mean() if total is None else mixed.sum() / total
    elif reduction == "sum":
        mixed = mixed.sum()
    return mixed.to(losses.dtype)


def _refuse_legacy(name: str, call: BoundArguments) -> None:
    legacy = {argument: call.arguments[argument] for argument in LEGACY if argument in call.arguments}
    if len(legacy) == len(LEGACY) and any(value is not None for value in legacy.values()):
        raise ValueError(message(name, "size_average and reduce", "be None", legacy, "Pass reduction=."))


def _unreduced(loss: MixableLoss, call: BoundArguments, labels: Tensor) -> Tensor:
    call.arguments[loss.target] = labels
    if loss.is_reducing:
        call.arguments["reduction"] = "none"
    return loss.function(*call.args, **call.kwargs)


def _shares(name: str, losses: Tensor, parents: Parents) -> Tensor:
    if losses.shape == parents.labels.shape:
        return spread(parents.weights, losses)
    if losses.shape == parents.weights.shape:
        return parents.weights
    allowed = dict.fromkeys(tuple(shaped.shape[1:]) for shaped in (parents.weights, parents.labels))
    condition = f"be of shape {' or '.join(map(str, allowed))}"
    remedy = "Give the input the shape of the target, or return one loss for each example: means cannot be mixed."
    raise ValueError(message(name, "unreduced loss", condition, tuple(losses.shape[1:]), remedy))
