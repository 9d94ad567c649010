import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.mixing.support import aten_calls, fake_device


def test_operators_are_counted_without_what_brings_the_draw_to_the_device() -> None:
    inputs = torch.ones(2)
    assert aten_calls(lambda: inputs.to(torch.float64).add(inputs)) == ["aten.add.Tensor"]


def test_the_fake_device_refuses_waiting_and_other_devices() -> None:
    with FakeTensorMode():
        values = torch.ones(2, device=fake_device())
        with pytest.raises(RuntimeError, match=r"(?i)device"):
            values + torch.ones(2)
        with pytest.raises(Exception, match="_local_scalar_dense"):
            values.sum().item()
