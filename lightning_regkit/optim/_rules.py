"""Rules that give some parameters a rate or a weight decay of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, final

from torch import Tensor, nn

from lightning_regkit._checks import message, non_negative_float, non_negative_int, positive_float
from lightning_regkit.optim._exempt import exempt

__all__ = ["GroupRule", "ruled"]

_OWNER = "GroupRule"


@final
@dataclass(frozen=True)
class GroupRule:
    """What some parameters get: a factor of the rate, a weight decay.

    A parameter is meant if it meets all three conditions.

    Args:
        pattern: Shell-style pattern of the whole name in the module, as in ``fnmatch``; ``*`` also matches dots.
        module_type: Class, or classes, of the layer that owns it; subclasses count.
        ndim: Number of its dimensions, >= 0; ``None`` for any.
        lr_scale: Factor of the rate, > 0.
        weight_decay: Weight decay of what decays among them, >= 0; ``None`` for that of the others.

    Returns:
        A frozen value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range.

    Example:
        >>> import torch
        >>> rule = GroupRule("head.*", ndim=2, lr_scale=10.0)
        >>> rule.is_met("head.weight", torch.nn.Linear(2, 2), torch.zeros(2, 2))
        True
    """

    pattern: str = "*"
    module_type: type[nn.Module] | tuple[type[nn.Module], ...] = nn.Module
    ndim: int | None = None
    lr_scale: float = 1.0
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str):
            raise TypeError(message(_OWNER, "pattern", "be a string", self.pattern))
        types = self.module_type if isinstance(self.module_type, tuple) else (self.module_type,)
        if not all(_is_module_class(kind) for kind in types):
            raise TypeError(message(_OWNER, "module_type", "be a class of torch.nn.Module", self.module_type))
        if self.ndim is not None:
            non_negative_int(_OWNER, "ndim", self.ndim)
        positive_float(_OWNER, "lr_scale", self.lr_scale)
        if self.weight_decay is not None:
            non_negative_float(_OWNER, "weight_decay", self.weight_decay)

    def is_met(self, name: str, layer: nn.Module, parameter: Tensor) -> bool:
        """Whether the parameter of this name in ``layer`` is meant."""
        return (
            fnmatchcase(name, self.pattern)
            and isinstance(layer, self.module_type)
            and self.ndim in (None, parameter.ndim)
        )


def ruled(
    owner: str,
    module: nn.Module,
    weight_decay: float,
    rules: Sequence[GroupRule],
    scales: Mapping[str, tuple[int, float]],
) -> list[dict[str, Any]]:
    """Group by first matching rule, depth, and whether it decays; refuse, in the words of ``owner``, an idle rule."""
    still, groups, used = exempt(module), dict[str, dict[str, Any]](), set[int]()
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        index = _first(rules, name, module.get_submodule(name.rpartition(".")[0]), parameter)
        used.add(index)
        rule = rules[index] if index >= 0 else GroupRule()
        decay = weight_decay if rule.weight_decay is None else rule.weight_decay
        is_spared = decay > 0 and id(parameter) in still
        label = _label(scales.get(name), index, is_spared=is_spared)
        scale = rule.lr_scale * scales.get(name, (0, 1.0))[1]
        settings = {"params": [], "weight_decay": 0.0 if is_spared else decay, "lr_scale": scale, "name": label}
        groups.setdefault(label, settings)["params"].append(parameter)
    idle = [index for index in range(len(rules)) if index not in used]
    if idle:
        remedy = "The first rule that matches wins: narrow ones first."
        raise ValueError(message(owner, "rules", "each match a trainable parameter", rules[idle[0]], remedy))
    return list(groups.values())


def _first(rules: Sequence[GroupRule], name: str, layer: nn.Module, parameter: Tensor) -> int:
    return next((index for index, rule in enumerate(rules) if rule.is_met(name, layer, parameter)), -1)


def _is_module_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)


def _label(layer: tuple[int, float] | None, index: int, *, is_spared: bool) -> str:
    parts = [f"layer{layer[0]}"] if layer else []
    parts += [f"rule{index}"] if index >= 0 else []
    return "-".join((parts or ["rest"]) + (["no-decay"] if is_spared else []))
