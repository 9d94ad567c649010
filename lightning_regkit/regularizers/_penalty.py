"""The elastic-net penalty of weights, l1 |w|_1 + l2/2 |w|_2^2, and its gradient."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lightning_regkit._checks import fraction, message, non_negative_float

__all__ = ["add_penalty_gradient_", "strengths", "weight_penalty"]


def strengths(
    l1: float, l2: float, elastic: Sequence[float] | None = None, *, owner: str = "regularizers.strengths"
) -> tuple[float, float]:
    """Return the strengths of both parts, given directly or as (alpha, l1_ratio).

    ``elastic=(alpha, l1_ratio)`` stands for l1 = alpha l1_ratio and l2 = alpha (1 - l1_ratio).

    Args:
        l1: Factor of the sum of absolute values, >= 0.
        l2: Factor of **half** the sum of squares, >= 0: what torch calls ``weight_decay``.
        elastic: (alpha, l1_ratio) as in scikit-learn's ``ElasticNet``: alpha > 0, l1_ratio in [0, 1]. Excludes the two.
        owner: Public name of what the user called.

    Returns:
        (l1, l2), not both 0.

    Raises:
        TypeError: A strength is no number, or ``elastic`` no pair.
        ValueError: A strength is out of range, both are 0, or ``elastic`` comes with one of them.

    Example:
        >>> strengths(0.0, 1e-4)
        (0.0, 0.0001)
        >>> strengths(0.0, 0.0, elastic=(0.5, 0.25))
        (0.125, 0.375)

    Reference:
        Zou and Hastie, "Regularization and Variable Selection via the Elastic Net", JRSS B 67, 2005, section 2.1.

    Differs from the paper:
        The square is halved, so that its gradient is l2 w, and the whole is not rescaled by 1 + l2.
    """
    remedy = "Both are strengths of a penalty on weights."
    pair = (non_negative_float(owner, "l1", l1, remedy), non_negative_float(owner, "l2", l2, remedy))
    if elastic is not None:
        if any(pair):
            raise ValueError(message(owner, "elastic", "come without l1 and l2", elastic, "It stands for both."))
        alpha, l1_ratio = _elastic(owner, elastic)
        pair = (alpha * l1_ratio, alpha * (1 - l1_ratio))
    if not any(pair):
        raise ValueError(message(owner, "l1 and l2", "not both be 0", pair, "There would be nothing to do."))
    return pair


def _elastic(owner: str, elastic: Sequence[float]) -> tuple[float, float]:
    if not isinstance(elastic, list | tuple) or len(elastic) != len(("alpha", "l1_ratio")):
        raise TypeError(message(owner, "elastic", "be a pair (alpha, l1_ratio)", elastic))
    remedy = "As in scikit-learn, alpha is the whole strength and l1_ratio the part of l1 in it."
    alpha = non_negative_float(owner, "alpha of elastic", elastic[0], remedy)
    return alpha, fraction(owner, "l1_ratio of elastic", elastic[1], remedy)


def weight_penalty(parameters: Iterable[Tensor], *, l1: float = 0.0, l2: float = 0.0) -> Tensor:
    """Compute the penalty of some weights: l1 sum abs(w) + l2/2 sum w^2.

    Args:
        parameters: Floating tensors of any shapes, on one device; not modified.
        l1: Strength of the first part, >= 0.
        l2: Strength of the second part, >= 0.

    Returns:
        A 0-dim tensor, >= 0, that can be added to a loss: it is differentiable, with gradient l1 sign(w) + l2 w, and
        sign(0) = 0. Summed in float32 or wider. 0 without parameters. Made without waiting for the device.

    Raises:
        TypeError: A strength is no number.
        ValueError: A strength is negative, or both are 0.

    Example:
        >>> weight = torch.tensor([3.0, -4.0])
        >>> weight_penalty([weight], l1=0.1).item(), weight_penalty([weight], l2=0.1).item()
        (0.699..., 1.25)

    Reference:
        Zou and Hastie, "Regularization and Variable Selection via the Elastic Net", JRSS B 67, 2005, equation 3.
    """
    l1, l2 = strengths(l1, l2, owner="regularizers.weight_penalty")
    total = torch.zeros(())
    for parameter in parameters:
        wide = parameter.to(torch.promote_types(parameter.dtype, torch.float32))
        if l1:
            total = total + l1 * wide.abs().sum()
        if l2:
            total = total + l2 / 2 * wide.square().sum()
    return total


@torch.no_grad()
def add_penalty_gradient_(parameters: Iterable[Tensor], *, l1: float = 0.0, l2: float = 0.0) -> None:
    """Add the gradient of the penalty to that of each parameter: g <- g + l1 sign(w) + l2 w, with sign(0) = 0.

    A parameter whose gradient is ``None`` is left out, as an optimizer leaves it out. With l2 alone this is what the
    ``weight_decay`` of torch's SGD does, bit for bit. Made without waiting for the device.

    Args:
        parameters: Floating tensors; their ``grad`` is modified, they are not.
        l1: Strength of the first part, >= 0.
        l2: Strength of the second part, >= 0.

    Raises:
        TypeError: A strength is no number.
        ValueError: A strength is negative, both are 0, or a gradient is sparse.

    Example:
        >>> weight = torch.tensor([2.0, -2.0, 0.0], requires_grad=True)
        >>> weight.sum().backward()
        >>> add_penalty_gradient_([weight], l1=0.5, l2=0.25)
        >>> weight.grad
        tensor([2., 0., 1.])

    Reference:
        Tibshirani, "Regression Shrinkage and Selection via the Lasso", JRSS B 58, 1996, equation 1 (l1).
    """
    owner = "regularizers.add_penalty_gradient_"
    l1, l2 = strengths(l1, l2, owner=owner)
    for parameter in parameters:
        grad = parameter.grad
        if grad is None:
            continue
        if grad.layout != torch.strided:
            remedy = "Make it dense (sparse=False of an embedding), leave this parameter out, or take proximal=True."
            raise ValueError(message(owner, "the gradient of a penalized weight", "be dense", grad.layout, remedy))
        if l2:
            grad.add_(parameter, alpha=l2)
        if l1:
            grad.add_(parameter.sign(), alpha=l1)
