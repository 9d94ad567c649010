"""Strategies under which the layers of a module are not what is trained."""

from typing import TYPE_CHECKING, Final

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["refuse_flattened"]

#: FSDP trains flat pieces and runs the module inside a wrapper; DeepSpeed keeps gradients, or weights, to itself.
FLAT: Final = frozenset({"DeepSpeedStrategy", "FSDPStrategy"})


def refuse_flattened(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse strategies that take parameters, or their gradients, out of the layers.

    Args:
        owner: The callback's name, for the message.
        trainer: Past its construction.

    Raises:
        TypeError: Names the strategy.
    """
    # By name, for either distribution's class may be in either's Trainer.
    if FLAT & {base.__name__ for base in type(trainer.strategy).__mro__}:
        condition = "leave parameters and gradients in the layers of the module"
        remedy = 'Use "ddp", or ModelParallelStrategy with fully_shard.'
        raise TypeError(message(owner, "strategy", condition, type(trainer.strategy).__name__, remedy))
