"""Who got which parameter group, and whether anybody was forgotten."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from lightning_regkit._checks import message

__all__ = ["check_groups", "group_report"]

_SHOWN = 3


def group_report(module: nn.Module, groups: Sequence[dict[str, Any]]) -> list[str]:
    """Say in one line per parameter group who is in it and what it gets.

    Args:
        module: The module that names the parameters. Not modified.
        groups: Parameter groups with lists of parameters: of ``param_groups``, or ``optimizer.param_groups``.

    Returns:
        One line a group, in order: its name (Lightning's ``pg1``, ``pg2``, ... where it has none), number of tensors
        and of elements, factor of the rate, weight decay, and the first names.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        >>> for line in rk.optim.group_report(net, rk.optim.param_groups(net, 0.05)):
        ...     print(line)
        pg1: 1 tensors, 6 elements, lr x 1, weight decay 0.05: 0.weight
        pg2: 3 tensors, 6 elements, lr x 1, weight decay 0: 0.bias, 1.weight, 1.bias
    """
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return [_line(group, f"pg{index}", names) for index, group in enumerate(groups, start=1)]


def check_groups(module: nn.Module, groups: Sequence[dict[str, Any]]) -> None:
    """Refuse groups in which a trainable parameter of the module is missing, or is more than once.

    Args:
        module: The module that is trained. Not modified.
        groups: Parameter groups with lists of parameters: of ``param_groups``, your own, or ``optimizer.param_groups``.
            Parameters of other modules are no concern of this check, nor are frozen ones.

    Raises:
        ValueError: Names every trainable parameter that is in no group or in two.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> net = torch.nn.Linear(3, 2)
        >>> rk.optim.check_groups(net, [{"params": [net.weight]}])
        Traceback (most recent call last):
        ...
        ValueError: optim.check_groups: groups must hold every trainable parameter once, got ['bias in 0'].
    """
    counts = Counter(id(parameter) for group in groups for parameter in group["params"])
    trainable = [(name, counts[id(p)]) for name, p in module.named_parameters() if p.requires_grad]
    wrong = [f"{name} in {count}" for name, count in trainable if count != 1]
    if wrong:
        raise ValueError(message("optim.check_groups", "groups", "hold every trainable parameter once", wrong))


def _line(group: dict[str, Any], default: str, names: dict[int, str]) -> str:
    params: list[Tensor] = list(group["params"])
    found = [names.get(id(parameter), "(of another module)") for parameter in params]
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    elements = sum(parameter.numel() for parameter in params)
    facts = f"lr x {group.get('lr_scale', 1.0):g}, weight decay {group.get('weight_decay', 0.0):g}"
    who = ", ".join(found[:_SHOWN] + more)
    return f"{group.get('name', default)}: {len(params)} tensors, {elements} elements, {facts}: {who}"
