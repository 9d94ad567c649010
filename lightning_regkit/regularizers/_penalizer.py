"""A penalty on some weights, in a training loop."""

from collections.abc import Iterable
from typing import Any, final

from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_regkit.regularizers._optimizers import check_groups, check_optimizer, is_skipped, step_lengths
from lightning_regkit.regularizers._penalty import add_penalty_gradient_, strengths
from lightning_regkit.regularizers._proximal import proximal_step_

__all__ = ["Penalizer"]


@final
class Penalizer:
    """A penalty on chosen weights, whatever optimizers they belong to.

    Through the gradient: ``add_gradients`` between backward and step. Proximal: ``before_step`` and ``after_step``. All
    three leave alone what is not in the optimizer and what has no gradient, which the optimizer does not move either.

    Args:
        chosen: The penalized parameters.
        l1: Strength of the absolute values, >= 0.
        l2: Strength of half the squares, >= 0.
        owner: Public name of what the user called.

    Raises:
        TypeError: A strength is no number.
        ValueError: A strength is negative, or both are 0; or, at a step, a group added later does not go with it.

    Example:
        >>> import torch
        >>> weight = nn.Parameter(torch.tensor([1.0, 0.125]))
        >>> optimizer, penalizer = torch.optim.SGD([weight], lr=0.5), Penalizer([weight], l1=0.5)
        >>> weight.sum().mul(0).backward()
        >>> penalizer.before_step(optimizer)
        >>> optimizer.step()
        >>> penalizer.after_step(optimizer)
        >>> weight.tolist()
        [0.75, 0.0]
    """

    def __init__(
        self, chosen: Iterable[nn.Parameter], l1: float = 0.0, l2: float = 0.0, *, owner: str = "Penalizer"
    ) -> None:
        self.l1, self.l2 = strengths(l1, l2, owner=owner)
        self._owner = owner
        self._chosen = list(chosen)
        self._keys = {id(parameter) for parameter in self._chosen}
        self._lengths: list[float | Tensor] = []

    def check(self, optimizer: Optimizer, *, proximal: bool, is_scaled: bool = False) -> None:
        """Refuse an optimizer with which the penalty would silently be another one.

        Raises:
            TypeError: It is L-BFGS.
            ValueError: A penalized parameter has a ``weight_decay`` beside l2; or, through the gradient, is maximized,
                or its gradient is still scaled (``is_scaled``) when the optimizer gets it.
        """
        check_optimizer(self._owner, optimizer, proximal=proximal, is_scaled=is_scaled)
        check_groups(self._owner, optimizer, self._chosen, l2=self.l2, proximal=proximal)

    def add_gradients(self, optimizer: Optimizer) -> None:
        """Add the gradient of the penalty to those that ``optimizer`` is about to use."""
        check_groups(self._owner, optimizer, self._chosen, l2=self.l2, proximal=False)  # fine-tuning adds groups
        for group in optimizer.param_groups:
            add_penalty_gradient_(self._moved(group), l1=self.l1, l2=self.l2)

    def before_step(self, optimizer: Optimizer, *_hook: object) -> None:
        """Note the length of the step that ``optimizer`` is about to make: a schedule may move the rate after it.

        Can be registered as a step pre-hook, which is given more arguments.
        """
        check_groups(self._owner, optimizer, self._chosen, l2=self.l2, proximal=True)
        self._lengths = step_lengths(optimizer)

    def after_step(self, optimizer: Optimizer) -> None:
        """Make the proximal step that belongs to the step ``optimizer`` has just made, unless it skipped that."""
        if not is_skipped(optimizer):
            for group, length in zip(optimizer.param_groups, self._lengths, strict=True):
                proximal_step_(self._moved(group), length, l1=self.l1, l2=self.l2)

    def _moved(self, group: dict[str, Any]) -> list[nn.Parameter]:
        return [p for p in group["params"] if id(p) in self._keys and p.grad is not None]
