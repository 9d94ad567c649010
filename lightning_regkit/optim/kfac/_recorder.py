"""Hooks that sum what layers see in forward and backward passes."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from lightning_regkit.optim.kfac._factors import Moments, moments
from lightning_regkit.optim.kfac._layers import KroneckerLayer, activations, output_gradients

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

__all__ = ["Recorder"]


@final
class Recorder:
    """Sums the moments of every call of some layers whose output gets a gradient, while attached.

    A call's input and output gradient meet in a hook on the output: unlike a module's backward hooks it allows layers
    that write into the output in place, and pairs the calls of a layer that is called twice.

    Args:
        layers: By name.
    """

    def __init__(self, layers: Mapping[str, KroneckerLayer]) -> None:
        self._names = {layer: name for name, layer in layers.items()}
        self._sums: dict[str, Moments] = {}
        self._handles: list[RemovableHandle] = []

    @property
    def is_open(self) -> bool:
        """Whether there are sums to take, of a step that has begun."""
        return bool(self._sums)

    def attach(self) -> None:
        """Start recording, or go on: what is there stays until ``take``."""
        if not self._handles:
            self._sums = self._sums or {name: _nothing(layer) for layer, name in self._names.items()}
            self._handles = [layer.register_forward_hook(self._called, with_kwargs=True) for layer in self._names]

    def detach(self) -> None:
        """Stop; what is there stays until ``take``. Harmless when not attached."""
        while self._handles:
            self._handles.pop().remove()

    def take(self) -> dict[str, Moments]:
        """Stop, return the sums of every layer, 0 of one that was not called, and forget them; empty if not begun."""
        self.detach()
        sums, self._sums = self._sums, {}
        return sums

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Return the sums so far, on the CPU."""
        return {name: {key: value.cpu() for key, value in vars(sums).items()} for name, sums in self._sums.items()}

    def load(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Go on from what ``state`` returned in another process."""
        self._sums = {name: _nothing(layer) for layer, name in self._names.items()}
        for name in self._sums.keys() & state.keys():
            device = self._sums[name].counts.device
            self._sums[name] = Moments(**{key: value.to(device) for key, value in state[name].items()})

    def _called(
        self, layer: KroneckerLayer, arguments: tuple[Any, ...], options: dict[str, Any], output: Tensor
    ) -> None:
        # A compiled graph would leave out the sums, or break at every layer.
        if output.requires_grad and layer.weight.requires_grad and not torch.compiler.is_compiling():
            inputs: Tensor = arguments[0] if arguments else options["input"]
            output.register_hook(partial(self._backed_up, layer, inputs.detach()))

    def _backed_up(self, layer: KroneckerLayer, inputs: Tensor, gradients: Tensor) -> None:
        name = self._names[layer]
        if self._handles:
            new = moments(activations(layer, inputs), output_gradients(layer, gradients.detach()))
            self._sums[name] += new


def _nothing(layer: KroneckerLayer) -> Moments:
    outputs, inputs = len(layer.weight), layer.weight[0].numel() + (layer.bias is not None)
    empty = layer.weight.new_zeros(0, dtype=torch.promote_types(layer.weight.dtype, torch.float32))
    return Moments(empty.new_zeros(inputs, inputs), empty.new_zeros(outputs, outputs), empty.new_zeros(2))
