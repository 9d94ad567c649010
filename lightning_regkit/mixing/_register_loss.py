"""Losses of one's own that see the mixture."""

from collections.abc import Callable
from functools import wraps
from inspect import isroutine
from typing import ParamSpec

from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit.mixing._registry import LOSSES, describe_loss
from lightning_regkit.mixing._targets import mix_if_mixed

__all__ = ["register_loss"]

P = ParamSpec("P")


def register_loss(loss: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Make a loss of hard labels one that mixes: for a :class:`MixedTarget` it is computed once for each label.

    Use what it returns in ``training_step``; also as a decorator. A function of ``torch.nn.functional``, such as
    ``smooth_l1_loss``, mixes from then on under its own name too, and in its module.

    Args:
        loss: Function of the input, the target and any options, for labels that are not mixed. It is called with
            ``reduction="none"`` if it has a parameter of that name, and what it returns for each example (B,) or each
            element of the target is mixed. Then it is reduced by ``"mean"`` over all values, ``"sum"`` or ``"none"``.
            Without that parameter the mixed values are what you get.

    Returns:
        The function to use in place of ``loss``; for plain targets it is ``loss``.

    Raises:
        TypeError: ``loss`` is no function.
        ValueError: It does not take two arguments by position. When used: it returns neither (B,) nor the shape of the
            target, such as the mean over a batch, which cannot be mixed exactly.

    Example:
        >>> import torch
        >>> from lightning_regkit.mixing import MixedTarget
        >>> @register_loss
        ... def focal(logits, target, gamma=2.0, reduction="mean"):
        ...     log_p = logits.log_softmax(1).gather(1, target[:, None])[:, 0]
        ...     losses = -((1 - log_p.exp()) ** gamma) * log_p
        ...     return losses.mean() if reduction == "mean" else losses
        >>> target = MixedTarget(torch.tensor([[0], [1]]), torch.tensor([[0.75], [0.25]]))
        >>> round(focal(torch.tensor([[0.0, 0.0]]), target).item(), 4)  # log(2) / 4
        0.1733
    """
    if not isroutine(loss):
        remedy = "Define a function (input, target) that calls it."
        raise TypeError(message("mixing.register_loss", "loss", "be a function", loss, remedy))
    described = LOSSES.setdefault(loss, describe_loss(loss))

    @wraps(loss)
    def mixable(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        mixed = mix_if_mixed(described, args, kwargs)
        return loss(*args, **kwargs) if mixed is None else mixed

    return mixable
