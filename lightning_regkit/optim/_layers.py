"""Layer-wise decay of the rate: how deep a parameter lies, and the factor that gives it."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from torch import nn

from lightning_regkit._checks import message

__all__ = ["Layers", "layer_scales"]

#: From input to output: prefixes of names, several for one layer in a sequence; or parameter name to depth.
Layers: TypeAlias = Sequence[str | Sequence[str]] | Mapping[str, int]


def layer_scales(
    owner: str, module: nn.Module, layer_decay: float, layers: Layers | None
) -> dict[str, tuple[int, float]]:
    """Return depth d and factor layer_decay^(D - d) of every trainable parameter by name; D is the last layer's depth.

    ``None`` for ``layers`` takes the children that have parameters, in order; while there is only one, its children.
    Refuses in the words of ``owner`` if a parameter is in no layer or in two.
    """
    given = _children(module) if layers is None else layers
    last = max(given.values(), default=0) if isinstance(given, Mapping) else len(given) - 1
    homes = {name: _homes(name, given) for name, parameter in module.named_parameters() if parameter.requires_grad}
    lost = [f"{name} in {len(found)}" for name, found in homes.items() if len(found) != 1]
    if lost:
        remedy = "Name prefixes from input to output, such as [('conv1', 'bn1'), 'layer1', 'fc']."
        raise ValueError(message(owner, "layers", "hold every trainable parameter in one", lost, remedy))
    return {name: (found[0], layer_decay ** (last - found[0])) for name, found in homes.items()}


def _homes(name: str, layers: Layers) -> list[int]:
    if isinstance(layers, Mapping):
        return [layers[name]] if name in layers else []
    return [depth for depth, layer in enumerate(layers) if _is_in(name, [layer] if isinstance(layer, str) else layer)]


def _is_in(name: str, prefixes: Sequence[str]) -> bool:
    return any(f"{name}.".startswith(f"{prefix}.") for prefix in prefixes)


def _children(module: nn.Module, prefix: str = "") -> list[str]:
    found = [name for name, child in module.named_children() if any(True for _ in child.parameters())]
    own = any(True for _ in module.parameters(recurse=False))
    if len(found) == 1 and not own and any(True for _ in module.get_submodule(found[0]).children()):
        return _children(module.get_submodule(found[0]), f"{prefix}{found[0]}.")
    return [f"{prefix}{name}" for name in found]
