import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.monitoring import dead_units, saturated_share
from tests.mixing.support import fake_device

SEEDS = st.integers(0, 2**32 - 1)


def rectified(seed: int, *shape: int, axis: int = 1) -> Tensor:
    """Return outputs of which about every second unit is zero throughout."""
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(*shape, generator=generator).relu()
    alive = torch.rand(shape[axis], generator=generator) > 0.5
    return outputs.movedim(axis, -1).mul(alive).movedim(-1, axis)


def slow(outputs: Tensor, axis: int) -> list[bool]:
    return [all(value == 0 for value in unit.flatten().tolist()) for unit in outputs.unbind(axis)]


@given(seed=SEEDS)
@pytest.mark.parametrize(
    ("shape", "axis"), [((2, 3), 1), ((2, 4, 3, 2), 1), ((2, 3, 4), 2), ((2, 3, 2, 2, 2), 1)], ids=str
)
def test_a_unit_is_dead_where_a_loop_finds_nothing_but_zeros(shape: tuple[int, ...], axis: int, seed: int) -> None:
    outputs = rectified(seed, *shape, axis=axis)
    assert dead_units(outputs).tolist() == slow(outputs, axis)


def test_a_bias_far_below_zero_kills_a_unit_and_its_gradient() -> None:
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([-100.0, 100.0]))
    outputs = layer(torch.randn(8, 3, generator=torch.Generator().manual_seed(0))).relu()
    outputs.sum().backward()
    assert dead_units(outputs).tolist() == [True, False]
    assert layer.weight.grad is not None
    assert [bool(row.any()) for row in layer.weight.grad] == [False, True]


def test_one_example_that_wakes_a_unit_is_enough() -> None:
    outputs = torch.zeros(100, 1)
    assert dead_units(outputs).tolist() == [True]
    outputs[57] = 1e-30
    assert dead_units(outputs).tolist() == [False]


def test_what_is_no_number_is_not_dead_nor_what_is_below_zero() -> None:
    assert dead_units(torch.tensor([[math.nan, 0.0, -1.0]])).tolist() == [False, True, False]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_outputs_of_no_units_are_refused(shape: tuple[int, ...]) -> None:
    text = f"monitoring.dead_units: outputs must have two dimensions or more, got {shape}."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        dead_units(torch.zeros(shape))


@given(seed=SEEDS)
def test_saturation_is_where_the_slope_is_almost_gone(seed: int) -> None:
    """The slope of tanh is 1 - y^2, and 0.0591 at the default margin, where y is 0.97."""
    inputs = torch.randn(64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).mul(3).requires_grad_()
    outputs = inputs.tanh()
    (slopes,) = torch.autograd.grad(outputs.sum(), inputs)
    expected = sum(slope <= 1 - 0.97**2 for slope in slopes.tolist()) / 64
    assert saturated_share(outputs, -1.0, 1.0).item() == pytest.approx(expected)


@given(seed=SEEDS)
def test_a_sigmoid_is_as_saturated_as_the_tanh_that_it_is(seed: int) -> None:
    """Sigmoid(2 x) = (1 + tanh(x)) / 2."""
    inputs = torch.randn(64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3
    share = saturated_share((2 * inputs).sigmoid(), 0.0, 1.0)
    assert share.item() == saturated_share(inputs.tanh(), -1.0, 1.0).item()


def test_both_ends_count_and_the_margin_is_a_share_of_the_range() -> None:
    outputs = torch.tensor([0.0, 0.25, 0.5, 1.0])
    assert saturated_share(outputs, 0.0, 1.0).item() == 0.5
    assert saturated_share(outputs, 0.0, 1.0, margin=0.25).item() == 0.75
    assert saturated_share(outputs * 4, 0.0, 4.0, margin=0.25).item() == 0.75
    assert saturated_share(outputs, 0.0, 1.0, margin=0.5).item() == 1.0


@pytest.mark.parametrize(
    ("margin", "error", "text"),
    [
        (0.6, ValueError, "monitoring.saturated_share: margin must be a share of the range in [0, 0.5], got 0.6."),
        (-0.1, ValueError, "monitoring.saturated_share: margin must be a number in [0, 1], got -0.1."),
        ("1", TypeError, "monitoring.saturated_share: margin must be a number in [0, 1], got '1'."),
    ],
)
def test_margins_out_of_range_are_refused(margin: float, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        saturated_share(torch.zeros(1), 0.0, 1.0, margin)


def test_outputs_are_left_alone() -> None:
    outputs = rectified(0, 4, 3).requires_grad_()
    before = outputs.detach().clone()
    assert not saturated_share(outputs, -1.0, 1.0).requires_grad
    dead_units(outputs)
    assert torch.equal(outputs, before)


def test_on_a_device_nothing_waits_for_it() -> None:
    device = fake_device()
    with FakeTensorMode():
        outputs = torch.zeros(4, 3, 2, 2, device=device)
        assert dead_units(outputs).device.type == device
        assert saturated_share(outputs, 0.0, 1.0).device.type == device
