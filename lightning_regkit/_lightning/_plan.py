"""What is known of a fit before it begins, and the callbacks that say what they would do in it."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, final, runtime_checkable

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit._durations import Horizon
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Explained", "Plan"]


@final
@dataclass(frozen=True)
class Plan:
    """A fit that has not begun.

    Args:
        trainer: Its Trainer.
        optimizers: The optimizers it would have, on a copy of the module: what is written in them changes nothing else.
        horizons: Its length in steps of each optimizer; one where the optimizers are unknown.
        loaders: Its training loaders as the user made them.
        unknown: What could not be found out, and why, a line each.
        module: The copy of the module, with the layers that its hooks make; None where they raised.
    """

    trainer: "pl.Trainer"
    optimizers: "list[Optimizer]"
    horizons: "list[Horizon]"
    loaders: tuple[object, ...] = ()
    unknown: tuple[str, ...] = ()
    module: "pl.LightningModule | None" = None


@runtime_checkable
class Explained(Protocol):
    """A callback that says what it would do."""

    @abstractmethod
    def explain(self, plan: Plan) -> str:
        """Say what it would do in this fit, in a line or a table without its name; raise what it would refuse."""
