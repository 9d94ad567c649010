"""Other layers in the place of a module's own."""

from collections.abc import Iterator, Mapping
from typing import Final

from torch import nn

from lightning_regkit._checks import message
from lightning_regkit.regularizers._replacement import Replacement, Slot

__all__ = ["replace_layers"]

OWNER: Final = "regularizers.replace_layers"
SHOWN: Final = 3


def replace_layers(module: nn.Module, layers: Mapping[str, nn.Module], *, owner: str = OWNER) -> Replacement:
    """Put other layers in the place of a module's own, in every slot they are in.

    Nothing about the weights changes: ``state_dict()`` has the same names in the same order, ``parameters()`` the same
    objects, so that checkpoints fit and optimizers see no difference. A new layer gets the mode of the old one.

    Args:
        module: The root; its modules are written to.
        layers: The new layers by the dotted name of those they replace, as :func:`find_layers` gives them.
        owner: Public name of what the user called.

    Returns:
        What was done, which can be undone.

    Raises:
        TypeError: A new layer is no module.
        ValueError: A name is not there; a new layer is the old one; or names or parameters would change: then nothing
            has been replaced.

    Example:
        >>> from lightning_regkit.regularizers import DropConnect
        >>> net = nn.Sequential(nn.Linear(2, 2))
        >>> replaced = replace_layers(net, {"0": DropConnect(net[0])})
        >>> list(net.state_dict())
        ['0.weight', '0.bias']
    """
    named = dict(module.named_modules())
    unknown = [name for name in layers if not name or name not in named]
    if unknown:
        raise ValueError(message(owner, "layers", "be named as in the module", unknown[:SHOWN]))
    for name, layer in layers.items():
        if not isinstance(layer, nn.Module):
            raise TypeError(message(owner, "the new layer", "be a module", layer))
        if layer is named[name]:
            raise ValueError(message(owner, "the new layer", "be another one than the old", name))
    names, parameters = list(module.state_dict()), [*map(id, module.parameters())]
    before = {name: named[name] for name in layers}
    _follow(before, layers)
    replacement = Replacement(before, dict(layers), list(_slots(module, before, layers)))
    changed = _changed(names, list(module.state_dict()))
    if changed or [*map(id, module.parameters())] != parameters:
        replacement.put_back()
        condition = "keep the names of weights and buffers" if changed else "hold the very parameters of the old one"
        remedy = "Noise after a layer: regularizers.followed_by(layer, noise)." if changed else "Copies train apart."
        raise ValueError(message(owner, "the new layer", condition, changed or _other(before, layers), remedy))
    return replacement


def _slots(
    module: nn.Module, before: Mapping[str, nn.Module], after: Mapping[str, nn.Module]
) -> Iterator[tuple[nn.Module, Slot]]:
    names = {layer: name for name, layer in before.items()}
    for parent in module.modules():
        for name, child in vars(parent)["_modules"].items():  # named_children leaves out a second name
            if child in names:
                yield parent, Slot(name, names[child], child, after[names[child]])


def _follow(before: Mapping[str, nn.Module], after: Mapping[str, nn.Module]) -> None:
    for name, layer in after.items():
        old = set(before[name].modules())
        for part in layer.modules():
            if part not in old:
                part.training = before[name].training


def _changed(before: list[str], after: list[str]) -> list[str]:
    lost = [f"- {name}" for name in before if name not in after][:SHOWN]
    new = [f"+ {name}" for name in after if name not in before][:SHOWN]
    return [*lost, *new] or ["another order"] * (before != after)


def _other(before: Mapping[str, nn.Module], after: Mapping[str, nn.Module]) -> str:
    """Name the first layer whose parameters are not those of the one before it."""
    parameters = {name: ([*before[name].parameters()], [*after[name].parameters()]) for name in before}
    return next(name for name, (old, new) in parameters.items() if [*map(id, old)] != [*map(id, new)])
