"""Losses that can be mixed: how they are called, and what their mean divides by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import BoundArguments, Parameter, Signature, signature
from typing import Any, Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit._checks import message
from lightning_regkit.mixing._parents import Parents, spread

__all__ = ["LOSSES", "MixableLoss", "describe_loss"]

BY_POSITION: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

Total = Callable[[Parents, Mapping[str, Any]], Tensor | None]


@final
@dataclass(frozen=True)
class MixableLoss:
    """A loss of hard labels.

    Args:
        function: The loss.
        signature: Its parameters, of which the first two are the input and the target.
        total: What ``"mean"`` divides the mixed sum by, given the parents and the arguments by name; None where it is
            the number of unreduced losses.

    Example:
        >>> LOSSES[F.mse_loss].target
        'target'
    """

    function: Callable[..., Tensor]
    signature: Signature
    total: Total

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.function.__name__

    @property
    def input(self) -> str:
        """Name of the parameter that takes the input."""
        return next(iter(self.signature.parameters))

    @property
    def target(self) -> str:
        """Name of the parameter that takes the target."""
        return list(self.signature.parameters)[1]

    @property
    def is_reducing(self) -> bool:
        """Whether the loss can reduce itself, as told by its parameter ``reduction``."""
        return "reduction" in self.signature.parameters

    def bind(self, args: tuple[Any, ...], options: Mapping[str, Any]) -> BoundArguments:
        """Give every argument its name, and those left out their default.

        Args:
            args: Arguments by position.
            options: Arguments by name.
        """
        call = self.signature.bind(*args, **options)
        call.apply_defaults()
        return call


def describe_loss(function: Callable[..., Tensor], total: Total = lambda *_: None) -> MixableLoss:
    """Read how a loss is called.

    Args:
        function: The loss; its first two parameters are the input and the target.
        total: What its ``"mean"`` divides by, see :class:`MixableLoss`.

    Returns:
        The loss with its signature.

    Raises:
        ValueError: ``function`` does not take two arguments by position.

    Example:
        >>> describe_loss(F.l1_loss).is_reducing
        True
    """
    called = signature(function)
    if [parameter.kind in BY_POSITION for parameter in called.parameters.values()][:2] != [True, True]:
        condition = "take the input and the target as its first two arguments"
        remedy = "Define a function (input, target) that calls it."
        raise ValueError(message("mixing.register_loss", "loss", condition, str(called), remedy))
    return MixableLoss(function, called, total)


def _total_of_classes(parents: Parents, options: Mapping[str, Any]) -> Tensor | None:
    labels: Tensor = parents.labels
    if labels.is_floating_point():  # probabilities, for which torch divides by the number of examples
        return None
    weight: Tensor | None = options["weight"]
    class_weights = is_kept = labels != options["ignore_index"]
    if weight is not None:
        class_weights = torch.where(is_kept, weight[torch.where(is_kept, labels, 0).long()], 0)
    total: Tensor = (spread(parents.weights, labels) * class_weights).sum()
    return total


def _total_of_elements(_: Parents, options: Mapping[str, Any]) -> Tensor | None:
    weight: Tensor | None = options.get("weight")
    return None if weight is None else weight.sum()


# Only mse_loss divides by its element weights; both binary cross-entropies divide by the number of elements.
LOSSES: Final[dict[Callable[..., object], MixableLoss]] = {
    F.cross_entropy: describe_loss(F.cross_entropy, _total_of_classes),
    F.nll_loss: describe_loss(F.nll_loss, _total_of_classes),
    F.binary_cross_entropy: describe_loss(F.binary_cross_entropy),
    F.binary_cross_entropy_with_logits: describe_loss(F.binary_cross_entropy_with_logits),
    F.mse_loss: describe_loss(F.mse_loss, _total_of_elements),
}
