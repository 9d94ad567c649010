"""What became of a mixture, and of the memory that shows it."""

from dataclasses import dataclass
from inspect import BoundArguments
from typing import final

from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit.mixing._mixed_loss import mixed_loss
from lightning_regkit.mixing._parents import Parents
from lightning_regkit.mixing._registry import MixableLoss
from lightning_regkit.mixing._unreduced import UnreducedLosses

__all__ = ["Ledger", "Memory"]


@final
@dataclass
class Ledger:
    """Whether a mixture was consumed; shared by all targets made from it.

    Args:
        is_consumed: Whether a loss of the mixture gave its input a gradient.

    Example:
        >>> Ledger().is_consumed
        False
    """

    is_consumed: bool = False

    def consume(self, loss: MixableLoss, call: BoundArguments, parents: Parents) -> Tensor:
        """Return the mixed loss, and take down whether its input gets a gradient from it.

        A loss under ``no_grad`` or of detached logits, as one that is only logged, consumes nothing.

        Args:
            loss: What to compute.
            call: Its arguments; modified.
            parents: The labels and their weights.
        """
        value = mixed_loss(loss, call, parents)
        inputs = call.arguments[loss.input]
        self.is_consumed |= value.requires_grad and (not isinstance(inputs, Tensor) or inputs.requires_grad)
        return value.as_subclass(UnreducedLosses) if value.requires_grad and value.ndim else value


@final
@dataclass
class Memory:
    """The dominant labels in memory; shared by all targets that are views of it.

    Args:
        is_copy: Whether it was made in ``training_step``, by one-hot coding or a change of dtype.
        is_changed: Whether it was changed in place: then it shows no mixture any more.

    Example:
        >>> memory = Memory(is_copy=True)
        >>> memory.change("fill_")
        >>> memory.is_changed
        True
    """

    is_copy: bool = False
    is_changed: bool = False

    def change(self, name: str) -> None:
        """Take down a change in place, as metrics make in their copies, or refuse it in the labels of the batch.

        Args:
            name: Name of the function of torch.

        Raises:
            ValueError: The memory is that of the batch.
        """
        if not self.is_copy:
            remedy = "Change the labels in the data set, or take targets.clone(): dominant labels, no longer mixed."
            raise ValueError(message("MixedTarget", "labels", "not be changed in place", name, remedy))
        self.is_changed = True
