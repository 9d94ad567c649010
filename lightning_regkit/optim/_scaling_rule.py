"""Which of the two scaling rules an optimizer goes with."""

from collections.abc import Iterator
from typing import Literal

from torch.optim import Optimizer

from lightning_regkit._checks import message
from lightning_regkit.optim._builtin import BUILTIN
from lightning_regkit.optim._entry import OptimizerEntry
from lightning_regkit.optim._register import REGISTERED
from lightning_regkit.optim._registry import describe, names
from lightning_regkit.optim._sam import stepping

__all__ = ["scaling_rule"]


def scaling_rule(optimizer: Optimizer, *, owner: str = "optim.scaling_rule") -> Literal["linear", "sqrt"]:
    """Return the rule by which ``scale_lr`` scales the rate of an optimizer.

    Args:
        optimizer: An instance of a class of the registry; how it was made does not matter. ``SAM`` goes by its base.
        owner: Public name of what the user called, for messages.

    Returns:
        ``sqrt`` for adaptive methods, ``linear`` for SGD and its kin: ``is_adaptive`` of the entry of its class.

    Raises:
        ValueError: Its class is not in the registry (a subclass is another class); or there is no such rule for it, as
            for L-BFGS, whose line search finds the length of its steps.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> [rk.optim.scaling_rule(rk.optim.create(torch.nn.Linear(2, 1), name)) for name in ("nesterov", "adamw")]
        ['linear', 'sqrt']

    Reference:
        Goyal et al. 2017, arXiv 1706.02677, section 2.1 (linear); Malladi et al. 2022, arXiv 2205.10287 (square root).
    """
    own = stepping(optimizer)
    entry = next((entry for entry in _entries(own) if entry.optimizer_class is type(own)), None)
    if entry is None:
        condition = "be given for an optimizer that is not in the registry"
        remedy = 'Pass rule="sqrt" for an adaptive method, else rule="linear".'
        raise ValueError(message(owner, "rule", condition, type(own).__name__, remedy))
    if entry.needs_closure:
        condition = "have a rate that grows with the batch"
        remedy = "It finds the length of its steps by itself: leave its rate as it is."
        raise ValueError(message(owner, "optimizer", condition, type(own).__name__, remedy))
    return "sqrt" if entry.is_adaptive else "linear"


def _entries(optimizer: Optimizer) -> Iterator[OptimizerEntry]:
    yield from (*BUILTIN, *REGISTERED.values())
    if type(optimizer).__module__.startswith("timm."):
        yield from map(describe, names("timm/*"))
