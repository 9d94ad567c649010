"""From a name and options to a torch optimizer."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_regkit._checks import message, non_negative_float, positive_float
from lightning_regkit.optim._entry import OptimizerEntry
from lightning_regkit.optim._groups import split
from lightning_regkit.optim._registry import find

__all__ = ["create"]

_OWNER: Final = "optim.create"


def create(
    module: nn.Module | Iterable[Tensor] | Iterable[dict[str, Any]],
    name: str,
    *,
    lr: float | None = None,
    weight_decay: float | None = None,
    **options: object,
) -> Optimizer:
    """Create the torch optimizer registered under a name.

    In a LightningModule: ``return rk.optim.create(self, **self.hparams.optimizer)``.

    Args:
        module: A module, or parameters, or torch parameter groups. Of a module or of parameters, those with
            ``requires_grad`` are taken and split by ``param_groups``; parameter groups stay as they are, and what they
            do not set is taken from the arguments here.
        name: A registered name or alias, see ``names()``.
        lr: Learning rate, > 0; ``None`` for the entry's.
        weight_decay: Weight decay of what decays, >= 0; ``None`` for the entry's (0.01 for ``adamw``, else 0).
        options: Any other option of the torch class; wins over the entry's. Lists become tuples (YAML has none).

    Returns:
        An instance of the torch class itself, whose updates equal those of one made by hand.

    Raises:
        TypeError: An argument is of the wrong kind, an option is not one of the torch class, or a number came as text.
        ValueError: ``name`` is not registered, a number is out of range, or there is nothing to train.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> optimizer = rk.optim.create(torch.nn.Linear(4, 2), "adamw", lr=3e-4, betas=(0.9, 0.95))
        >>> [(len(group["params"]), group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
        [(1, 0.0003, 0.01), (1, 0.0003, 0.0)]

    Reference:
        Each entry names its own: ``print(rk.optim.describe(name))``.
    """
    entry = find(_OWNER, name)
    rate = entry.lr if lr is None else positive_float(_OWNER, "lr", lr, _text_remedy(lr))
    decay = _decay(entry, weight_decay)
    arguments: dict[str, Any] = {"lr": rate, "weight_decay": decay, **dict(entry.options), **_checked(entry, options)}
    groups = split(_OWNER, module, decay)
    if not groups:
        remedy = "Unfreeze some with requires_grad_(True)."
        raise ValueError(message(_OWNER, "module", "hold at least 1 trainable parameter", 0, remedy))
    return entry.optimizer_class(groups, **arguments)


def _decay(entry: OptimizerEntry, weight_decay: float | None) -> float:
    if weight_decay is None:
        return entry.weight_decay
    return non_negative_float(_OWNER, "weight_decay", weight_decay, _text_remedy(weight_decay))


def _checked(entry: OptimizerEntry, options: dict[str, object]) -> dict[str, object]:
    accepted = entry.accepted()
    unknown = sorted(options.keys() - accepted.keys())
    if unknown:
        remedy = f"Accepted: {', '.join(['lr', 'weight_decay', *accepted])}."
        raise TypeError(message(_OWNER, "options", f"be ones that {entry.name} accepts", unknown, remedy))
    return {key: _checked_value(key, value) for key, value in options.items()}


def _checked_value(key: str, value: object) -> object:
    if isinstance(value, list | tuple):
        return tuple(_checked_value(key, item) for item in value)
    remedy = _text_remedy(value)
    if remedy:
        raise TypeError(message(_OWNER, key, "be a number", value, remedy))
    return value


def _text_remedy(value: object) -> str:
    if not isinstance(value, str):
        return ""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return ""
    return f"Write {number:f} without quotes: YAML takes 1e-3 for text." if number.is_finite() else ""
