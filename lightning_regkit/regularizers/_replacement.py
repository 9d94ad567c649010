"""How a module was before layers of it were replaced."""

from dataclasses import dataclass
from typing import final
from weakref import WeakKeyDictionary

from torch import nn

__all__ = ["Replacement", "Slot"]


@final
@dataclass(eq=False)
class Slot:
    """A name in a module, the name of what was there in the root, what that was, and what was put there."""

    name: str
    of: str
    before: nn.Module
    after: nn.Module


#: Slots that are not undone, by the module whose attributes they are.
_OPEN: "WeakKeyDictionary[nn.Module, list[Slot]]" = WeakKeyDictionary()


@final
class Replacement:
    """Layers that were put into a module, and how it was before; made by :func:`replace_layers`.

    Args:
        before: The layers that were there, by name.
        after: The layers that are there now, by the same names.
        slots: The modules that hold them, and where in these.

    Example:
        >>> from lightning_regkit.regularizers import replace_layers
        >>> net = nn.Sequential(nn.ReLU())
        >>> replaced = replace_layers(net, {"0": nn.RReLU()})
        >>> replaced.undo()
        >>> net
        Sequential(
          (0): ReLU()
        )
    """

    def __init__(
        self, before: dict[str, nn.Module], after: dict[str, nn.Module], slots: list[tuple[nn.Module, Slot]]
    ) -> None:
        self.before, self.after = before, after
        self._slots = slots
        for parent, slot in slots:
            _OPEN.setdefault(parent, []).append(slot)
            vars(parent)["_modules"][slot.name] = slot.after  # not setattr: a compiled module forwards that

    @property
    def standing(self) -> dict[str, nn.Module]:
        """What stands in the place of each layer, by name: the new one, or what later replacements put over it."""
        found: dict[str, nn.Module] = {}
        for parent, slot in reversed(self._slots):
            layer = slot.after
            for later in _OPEN[parent]:  # in the order they came
                layer = later.after if later.before is layer else layer
            found[slot.of] = layer
        return {name: found[name] for name in self.after if name in found}

    def missing(self, module: nn.Module) -> list[str]:
        """List the names of layers in whose place nothing of ours stands any more in ``module``."""
        there = set(module.modules())
        return [name for name, layer in self.standing.items() if layer not in there]

    def undo(self) -> None:
        """Put the layers back that were there, with weights, buffers and mode of those that go; twice is harmless.

        Replacements of one slot may be undone in any order. A slot that something else has written since stays.
        """
        for _, slot in self._slots:
            _carry(slot.after, slot.before)
        self.put_back()

    def put_back(self) -> None:
        """Put the layers back as they were; nothing of the new ones is kept."""
        while self._slots:
            parent, slot = self._slots.pop()
            _OPEN[parent].remove(slot)
            children = vars(parent)["_modules"]
            if children.get(slot.name) is slot.after:
                children[slot.name] = slot.before
            for later in _OPEN[parent]:
                if later.name == slot.name and later.before is slot.after:
                    later.before = slot.before


def _carry(source: nn.Module, target: nn.Module) -> None:
    own = dict(target.named_modules())
    for name, part in source.named_modules():
        if name in own:
            own[name].training = part.training
            for kind in ("_parameters", "_buffers"):
                weights = vars(part)[kind]
                vars(own[name])[kind].update({key: weights[key] for key in vars(own[name])[kind] if key in weights})
