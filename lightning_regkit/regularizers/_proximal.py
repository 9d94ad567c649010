"""The proximal step of the elastic-net penalty: what makes exact zeros."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit.regularizers._penalty import strengths

__all__ = ["proximal_step_"]


@torch.no_grad()
def proximal_step_(parameters: Iterable[Tensor], length: float | Tensor, *, l1: float = 0.0, l2: float = 0.0) -> None:
    """Move each weight to the minimum of the penalty plus its squared distance: soft threshold, then shrink.

    prox(w) = argmin_v l1 abs(v) + l2/2 v^2 + (v - w)^2 / (2 t) = sign(w) max(abs(w) - t l1, 0) / (1 + t l2).

    Args:
        parameters: Floating tensors; modified in place. Their gradients are not looked at.
        length: t, the length of the gradient step before it, >= 0; a tensor is not read on the host.
        l1: Strength of the absolute values, >= 0.
        l2: Strength of half the squares, >= 0.

    Raises:
        TypeError: A strength is no number.
        ValueError: A strength is negative, both are 0, or ``length`` is a negative or non-finite float.

    Example:
        >>> weight = torch.tensor([1.0, -1.0, 0.25])
        >>> proximal_step_([weight], 0.5, l1=1.0, l2=2.0)
        >>> weight
        tensor([ 0.2500, -0.2500,  0.0000])

    Reference:
        Parikh and Boyd, "Proximal Algorithms", Foundations and Trends in Optimization 1(3), 2014, section 6.5.3.
    """
    owner = "regularizers.proximal_step_"
    l1, l2 = strengths(l1, l2, owner=owner)
    if not isinstance(length, Tensor) and not 0 <= length < float("inf"):
        raise ValueError(message(owner, "length", "be a number of at least 0", length))
    for parameter in parameters:
        # Any, for torch's types know no clamp to bounds that are either numbers or tensors.
        step: Any = length.to(parameter.device, non_blocking=True) if isinstance(length, Tensor) else length
        if l1:
            parameter.sub_(parameter.clamp(-step * l1, step * l1))  # w - w below the threshold: exactly 0
        if l2:
            parameter.div_(1 + step * l2)
