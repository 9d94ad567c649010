"""Hooks that look at the outputs of rectifiers and bounded units while attached."""

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, final

import torch
from torch import Tensor, nn

from lightning_regkit.monitoring._units import dead_units, saturated_share

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

__all__ = ["ActivationWatch"]

#: Layers whose units can die, and layers whose outputs lie in a range.
RECTIFIERS: Final = (nn.ReLU, nn.ReLU6)
BOUNDED: Final = (nn.Sigmoid, nn.Tanh)
RANGES: Final[dict[type[nn.Module], tuple[float, float]]] = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0)}


@final
class ActivationWatch:
    """Notes the share of dead and saturated units of every call of a layer, while attached; costs nothing otherwise.

    Dead units are those of ``ReLU`` and ``ReLU6``, saturated outputs those of ``Sigmoid`` and ``Tanh``, all of them as
    layers: what ``torch.relu`` and its like return is not seen, nor what runs in a compiled graph.

    Args:
        module: Whose layers; its tree is read when attached, so layers may be replaced in between.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> _ = [nn.init.zeros_(parameter) for parameter in net.parameters()]
        >>> watch = ActivationWatch(net)
        >>> watch.attach()
        >>> _ = net(torch.ones(4, 2))
        >>> watch.take()
        {'dead/1': tensor(1.), 'dead': tensor(1.)}
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._handles: list[RemovableHandle] = []
        self._calls: Counter[str] = Counter()
        self._dead: dict[str, Tensor] = {}
        self._saturated: dict[str, tuple[Tensor, int]] = {}
        #: Whether the module had any such layer when it was last attached.
        self.has_layers = False

    def attach(self) -> None:
        """Start, forgetting what was noted before."""
        self.detach()
        self._calls, self._dead, self._saturated = Counter(), {}, {}
        for name, layer in self._module.named_modules():
            if isinstance(layer, RECTIFIERS):
                self._handles.append(layer.register_forward_hook(partial(self._rectified, name)))
            if isinstance(layer, BOUNDED):
                self._handles.append(layer.register_forward_hook(partial(self._bounded, name)))
        self.has_layers = bool(self._handles)

    def detach(self) -> None:
        """Stop; what was noted stays until ``take``. Harmless when not attached."""
        while self._handles:
            self._handles.pop().remove()

    def take(self) -> dict[str, Tensor]:
        """Stop, and return what was noted, scalars in [0, 1] on the devices of the layers.

        Returns:
            ``dead/NAME`` and ``saturated/NAME`` of each call, ``NAME/2`` being the second of one layer, and of all
            together ``dead`` and ``saturated``; without a call, nothing.
        """
        self.detach()
        dead, saturated = self._dead, self._saturated
        self._dead, self._saturated = {}, {}
        found = {f"dead/{name}": units.float().mean() for name, units in dead.items()}
        found |= {f"saturated/{name}": share for name, (share, _) in saturated.items()}
        if dead:
            first, *rest = dead.values()
            found["dead"] = torch.cat([first, *(units.to(first.device) for units in rest)]).float().mean()
        if saturated:
            whole = sum(count for _, count in saturated.values())
            first, *rest = (share * (count / whole) for share, count in saturated.values())
            found["saturated"] = torch.stack([first, *(part.to(first.device) for part in rest)]).sum()
        return found

    def _rectified(self, name: str, _layer: nn.Module, _inputs: object, outputs: Tensor) -> None:
        # A compiled graph would leave this out, or break here.
        if not torch.compiler.is_compiling() and outputs.ndim > 1:
            self._dead[self._name(name)] = dead_units(outputs)

    def _bounded(self, name: str, layer: nn.Module, _inputs: object, outputs: Tensor) -> None:
        if not torch.compiler.is_compiling():
            low, high = next(ends for kind, ends in RANGES.items() if isinstance(layer, kind))
            self._saturated[self._name(name)] = saturated_share(outputs, low, high), outputs.numel()

    def _name(self, name: str) -> str:
        self._calls[name] += 1
        return name if self._calls[name] == 1 else f"{name}/{self._calls[name]}"
