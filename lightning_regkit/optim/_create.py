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
from lightning_regkit.optim._suits import refuse_unsuited

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
            do not set is taken from the arguments here. A group with ``lr_scale`` and without ``lr`` gets their product
            as its ``lr``; ``lr_scale`` stays in it for information.
        name: A registered name or alias, see ``names()``; ``timm/<name>`` for those of timm.
        lr: Learning rate, > 0; ``None`` for the entry's.
        weight_decay: Weight decay of what decays, >= 0; ``None`` for the entry's.
        options: Any other option of the class; wins over the entry's. Lists become tuples (YAML has none).

    Returns:
        An instance of the torch class itself, whose updates equal those of one made by hand.

    Raises:
        TypeError: An argument is of the wrong kind, an option is not one of the torch class, or a number came as text.
        ValueError: ``name`` is not registered or cannot be used here, a number is out of range, there is nothing to
            train, or the optimizer does not take these parameters.

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
    rate, decay = _rate(entry, lr), _decay(entry, weight_decay)
    groups = [_checked_group(entry, group) for group in split(_OWNER, module, decay)]
    if not groups:
        remedy = "Unfreeze some with requires_grad_(True)."
        raise ValueError(message(_OWNER, "module", "hold at least 1 trainable parameter", 0, remedy))
    refuse_unsuited(_OWNER, entry, module, groups)
    arguments: dict[str, Any] = {"lr": rate, "weight_decay": decay, **dict(entry.options), **_checked(entry, options)}
    unknown = {"weight_decay"} if entry.weight_decay is None else set()
    given = [_without(_with_rate(group, rate), unknown) for group in groups]
    return entry.optimizer_class(given, **_without(arguments, unknown))


def _rate(entry: OptimizerEntry, lr: float | None) -> float:
    if lr is not None:
        return positive_float(_OWNER, "lr", lr, _text_remedy(lr))
    if entry.lr is None:
        raise ValueError(message(_OWNER, "lr", f"be given for {entry.name}, which has no default", lr))
    return entry.lr


def _decay(entry: OptimizerEntry, weight_decay: float | None) -> float:
    if weight_decay is None:
        return entry.weight_decay or 0.0
    return non_negative_float(_OWNER, "weight_decay", weight_decay, _text_remedy(weight_decay))


def _with_rate(group: dict[str, Any], rate: float) -> dict[str, Any]:
    if "lr_scale" not in group or "lr" in group:
        return group
    return group | {"lr": rate * positive_float(_OWNER, "lr_scale", group["lr_scale"])}


def _without(settings: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def _checked(entry: OptimizerEntry, options: dict[str, object]) -> dict[str, object]:
    accepted = entry.accepted()
    unknown = sorted(options.keys() - accepted.keys())
    if unknown:
        own = ["lr"] if entry.weight_decay is None else ["lr", "weight_decay"]
        remedy = f"Accepted: {', '.join([*own, *accepted])}."
        raise TypeError(message(_OWNER, "options", f"be ones that {entry.name} accepts", unknown, remedy))
    return {key: _checked_value(key, value) for key, value in options.items()}


def _checked_group(entry: OptimizerEntry, group: dict[str, Any]) -> dict[str, Any]:
    known, params = {"lr", "weight_decay", *entry.accepted()}, group["params"]
    settings = {key: _checked_value(key, value) if key in known else value for key, value in group.items()}
    return settings | {"params": [params] if isinstance(params, Tensor) else list(params)}


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
