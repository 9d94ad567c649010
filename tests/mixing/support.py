"""What the tests of this package share: counting operator calls, and a device that is only pretended."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

# They make a tensor of an array of the draw and bring it to the device.
HOST_TO_DEVICE = frozenset({"aten.lift_fresh.default", "aten._to_copy.default"})
Array = np.ndarray[Any, Any]


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch ships no type for it
        self.calls: list[str] = []

    @override
    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        self.calls.append(str(func))
        return func(*args, **(kwargs or {}))


def aten_calls(function: Callable[[], Tensor]) -> list[str]:
    """Operators that ``function`` calls, without what brings the draw to the device."""
    with _Recorder() as recorder:
        function()
    # Under `FakeTensorMode`, to ask for a device is a call too.
    return [call for call in recorder.calls if call.startswith("aten.") and call not in HOST_TO_DEVICE]


def images(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def watched(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """What ``function`` makes of ``inputs`` the way it would on a device: on the CPU, too, where autograd watches."""
    return function(inputs.detach().clone().requires_grad_()).detach()


def kolmogorov_distance(one: Array, other: Array) -> float:
    """Largest distance of the two samples' distribution functions, in units of its 1 % bound."""
    points = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (one, other)]
    bound = 1.63 * math.sqrt(1 / len(one) + 1 / len(other))
    return float(np.abs(shares[0] - shares[1]).max() / bound)


def fake_device() -> str:
    """The device to use under ``FakeTensorMode``, where tensors of another device and waiting for it are refused.

    A CUDA build of torch 2.6 asks the driver for copies of fake tensors too; without a driver, the meta device has the
    same two properties.
    """
    try:
        with FakeTensorMode():
            torch.zeros(1).to("cuda")
    except RuntimeError:
        return "meta"
    return "cuda"
