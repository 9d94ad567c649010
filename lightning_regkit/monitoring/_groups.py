"""What the parameter groups of optimizers hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

__all__ = ["group_values"]


def group_values(optimizers: Sequence[Optimizer]) -> dict[str, Tensor | float]:
    """Return learning rate, momentum (the first beta where groups have ``betas``) and weight decay of every group.

    Args:
        optimizers: Any number; not modified.

    Returns:
        By ``lr``, ``momentum`` and ``weight_decay``, followed by ``/GROUP`` where there are several groups, or by
        ``/OPTIMIZER/GROUP`` where there are several optimizers; without what an optimizer does not have. What is a
        tensor is copied, and stays where it is.

    Example:
        >>> import torch
        >>> group_values([torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)])
        {'lr': 0.1, 'momentum': 0.9, 'weight_decay': 0.0}
    """
    found: dict[str, Tensor | float] = {}
    for at, optimizer in enumerate(optimizers):
        groups = optimizer.param_groups
        for index, group in enumerate(groups):
            end = f"/{at}/{index}" if len(optimizers) > 1 else f"/{index}" if len(groups) > 1 else ""
            found |= {f"{name}{end}": value for name, value in _values(group).items()}
    return found


def _values(group: Mapping[str, Any]) -> dict[str, Tensor | float]:
    momentum = group["betas"][0] if "betas" in group else group.get("momentum")
    values = {"lr": group.get("lr"), "momentum": momentum, "weight_decay": group.get("weight_decay")}
    return {name: _copied(value) for name, value in values.items() if value is not None}


def _copied(value: Tensor | float) -> Tensor | float:
    return value.detach().clone() if isinstance(value, Tensor) else float(value)
