"""What the tests of this package share: counting operator calls, and a device that is only pretended."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

# They make a tensor of an array of the draw and bring it to the device.
HOST_TO_DEVICE = frozenset({"aten.lift_fresh.default", "aten._to_copy.default"})


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
    return [call for call in recorder.calls if call not in HOST_TO_DEVICE]


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
