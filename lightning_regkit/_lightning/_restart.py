"""Fresh weights in the middle of a run, and strategies that keep whole weights on every process."""

from typing import TYPE_CHECKING, Final, Protocol, cast, runtime_checkable

import torch
from torch import nn

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.optim import Optimizer

    from lightning_regkit._lightning._namespace import pl

__all__ = ["refuse_sharded", "refuse_unrestartable", "restart"]

#: Strategies that keep the whole weights on every process.
WHOLE: Final = frozenset({"SingleDeviceStrategy", "DDPStrategy"})


@runtime_checkable
class Restartable(Protocol):
    """A module that can draw its initial weights again, as torch's own layers do."""

    def reset_parameters(self) -> None:
        """Draw the initial weights anew."""


def refuse_sharded(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse strategies under which a process has only part of the weights, or that were not tried.

    Args:
        owner: The callback's name, for the message.
        trainer: Past its construction.

    Raises:
        TypeError: Names the strategy.
    """
    # By name, for either distribution's class may be in either's Trainer.
    names = {base.__name__ for base in type(trainer.strategy).__mro__}
    if not WHOLE & names or "DeepSpeedStrategy" in names:  # which is a DDPStrategy by its bases
        condition = "keep the whole weights on every process: a single device, or DDP"
        raise TypeError(message(owner, "strategy", condition, type(trainer.strategy).__name__))


def refuse_unrestartable(owner: str, module: nn.Module) -> None:
    """Refuse a module some of whose weights belong to no submodule with a ``reset_parameters``.

    Args:
        owner: The callback's name, for the message.
        module: The user's.

    Raises:
        TypeError: Names the submodules.
    """
    reset = {id(parameter) for part in _restartable(module) for parameter in part.parameters()}
    left = [name for name, parameter in module.named_parameters() if id(parameter) not in reset]
    if left:
        remedy = "Give the submodule that holds them one."
        raise TypeError(message(owner, "module", "have reset_parameters() for all weights", left[:3], remedy))


def restart(trainer: "pl.Trainer", module: nn.Module, optimizer: "Optimizer") -> None:
    """Draw initial weights from the global generator, the same on all ranks, and forget the optimizer's state.

    Args:
        trainer: In a fit.
        module: The user's; the outermost submodules with a ``reset_parameters`` are asked, no others.
        optimizer: The one that trains it.
    """
    with torch.no_grad():
        for part in _restartable(module):
            cast("Restartable", part).reset_parameters()
        if trainer.world_size > 1:
            for weight in (*module.parameters(), *module.buffers()):
                torch.distributed.broadcast(weight.data, src=0)
    optimizer.state.clear()


def _restartable(module: nn.Module) -> "Iterator[nn.Module]":
    if isinstance(module, Restartable):
        yield module
    else:
        for child in module.children():
            yield from _restartable(child)
