"""What the units of a network give in one forward pass: pressed against the ends of their range, or always zero."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, Final, final

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from lightning_regkit.monitoring import dead_units, saturated_share

__all__ = ["UnitSpy"]

#: Functions with two flat ends, and where these are.
BOUNDED: Final[Mapping[Callable[..., object], tuple[float, float]]] = {
    **dict.fromkeys((torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_), (-1.0, 1.0)),
    **dict.fromkeys((torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, F.hardsigmoid), (0.0, 1.0)),
}
RECTIFIERS: Final = frozenset({torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu, F.relu6})
#: Inputs of a unit, of which at least one is above 0 where it is alive, all but surely.
FEWEST: Final = 16


@final
class UnitSpy(TorchFunctionMode):
    """Sees every call of tanh, of a sigmoid and of a rectifier, as layers or as functions, while it is entered.

    Gates inside ``LSTM`` and ``GRU`` are not seen, nor what runs in a compiled graph. ``saturated`` is the share of
    outputs at the ends of their range, ``dead`` that of units of a rectifier whose inputs are all below 0; both are of
    the call that has most.
    """

    def __init__(self) -> None:
        super().__init__()
        self.saturated = 0.0
        self.dead = 0.0

    @override
    def __torch_function__(
        self, func: Callable[..., object], types: Sequence[type], args: tuple[object, ...] = (), kwargs: object = None
    ) -> object:
        given: dict[str, Any] = kwargs if isinstance(kwargs, dict) else {}
        if torch.compiler.is_compiling():
            return func(*args, **given)
        ends = _ends(func, args, given)
        if ends is not None and ends[1] == _ENDLESS:  # now, for it may be overwritten in place
            self._rectify(args[0] if args else given["input"])
        outputs = func(*args, **given)
        if ends is not None and ends[1] < _ENDLESS and isinstance(outputs, Tensor) and outputs.numel():
            self.saturated = max(self.saturated, saturated_share(outputs, *ends).item())
        return outputs

    def _rectify(self, inputs: object) -> None:
        if isinstance(inputs, Tensor) and inputs.ndim > 1 and inputs.numel():
            units = dead_units(~(inputs < 0))
            if inputs.numel() >= FEWEST * units.numel():
                self.dead = max(self.dead, units.float().mean().item())


_ENDLESS: Final = float("inf")


def _ends(
    func: Callable[..., object], args: tuple[object, ...], given: Mapping[str, object]
) -> tuple[float, float] | None:
    """Return where the ends of a function are; a rectifier has no upper one, though ``ReLU6`` is cut off there."""
    if func in RECTIFIERS:
        return 0.0, _ENDLESS
    if func not in {F.hardtanh, F.hardtanh_}:
        return BOUNDED.get(func)
    bound = signature(F.hardtanh).bind(*args, **given)
    bound.apply_defaults()
    low, high = float(bound.arguments["min_val"]), float(bound.arguments["max_val"])
    return low, high if low < 0 else _ENDLESS
