"""Hooks sum what layers see, call by call, whatever happens to outputs afterwards."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lightning_regkit.optim.kfac._factors import Moments, moments
from lightning_regkit.optim.kfac._recorder import Recorder
from tests.optim.kfac.test_layers import noise


def linear(inputs: int = 3, outputs: int = 2, *, bias: bool = True) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=bias).double()


def by_hand(inputs: Tensor, gradients: Tensor) -> Moments:
    return moments(torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1)[:, None], gradients[:, None])


def assert_same(ours: Moments, theirs: Moments) -> None:
    for key, value in vars(theirs).items():
        torch.testing.assert_close(vars(ours)[key], value)


def recorder(**layers: Any) -> Recorder:
    ours = Recorder(layers)
    ours.attach()
    return ours


def test_a_call_is_summed() -> None:
    layer, inputs, weights = linear(), noise(4, 3), noise(4, 2, seed=1)
    ours = recorder(one=layer)
    (layer(inputs) * weights).sum().backward()
    sums = ours.take()
    assert list(sums) == ["one"]
    assert_same(sums["one"], by_hand(inputs, weights))
    assert sums["one"].counts.tolist() == [4, 4]
    assert layer.weight.grad is not None


def test_calls_add_up_and_keep_their_pairs() -> None:
    layer, first, second = linear(), noise(4, 3), noise(2, 3, seed=1)
    ours = recorder(one=layer)
    early, late = layer(first), layer(input=second)
    (late.sum() * 3).backward()
    (early.sum() * 5).backward()
    whole = by_hand(first, torch.full((4, 2), 5.0, dtype=torch.float64)) + by_hand(
        second, torch.full((2, 2), 3.0, dtype=torch.float64)
    )
    assert_same(ours.take()["one"], whole)


def test_outputs_may_be_written_in_place() -> None:
    layer, inputs = linear(), noise(4, 3)
    ours = recorder(one=layer)
    nn.functional.relu(layer(inputs), inplace=True).sum().backward()
    mask = (layer(inputs) > 0).double()
    assert_same(ours.take()["one"], by_hand(inputs, mask))


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_a_checkpointed_layer_is_summed_once(use_reentrant: bool) -> None:
    layer, inputs = linear(), noise(4, 3).requires_grad_()
    ours = recorder(one=layer)
    checkpoint(layer, inputs, use_reentrant=use_reentrant).sum().backward()
    assert_same(ours.take()["one"], by_hand(inputs.detach(), torch.ones(4, 2, dtype=torch.float64)))


def test_half_precision_is_summed_in_float32() -> None:
    layer, inputs = nn.Linear(3, 2), noise(4, 3).float()
    ours = recorder(one=layer)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = layer(inputs)
    assert outputs.dtype == torch.bfloat16
    outputs.sum().backward()
    sums = ours.take()["one"]
    assert {part.dtype for part in vars(sums).values()} == {torch.float32}
    assert_same(sums, by_hand(inputs, torch.ones(4, 2)))


def test_what_gets_no_gradient_is_not_summed() -> None:
    layer, frozen = linear(), linear()
    frozen.requires_grad_(requires_grad=False)
    ours = recorder(layer=layer, frozen=frozen)
    with torch.no_grad():
        layer(noise(4, 3))
    frozen(noise(4, 3).requires_grad_()).sum().backward()
    sums = ours.take()
    assert [each.counts.tolist() for each in sums.values()] == [[0, 0], [0, 0]]
    assert sums["layer"].inputs.shape == (4, 4)
    assert sums["layer"].gradients.shape == (2, 2)


def test_shapes_without_a_call_are_those_with_one() -> None:
    layers: dict[str, Any] = {"a": nn.Conv2d(2, 3, (2, 3)), "b": nn.Linear(4, 5, bias=False).bfloat16()}
    empty = recorder(**layers).take()
    ours = recorder(**layers)
    layers["a"](torch.ones(1, 2, 4, 4)).sum().backward()
    layers["b"](torch.ones(1, 4, dtype=torch.bfloat16)).sum().backward()
    for name, each in ours.take().items():
        assert [(p.shape, p.dtype) for p in vars(each).values()] == [
            (p.shape, p.dtype) for p in vars(empty[name]).values()
        ]


def test_it_records_only_while_attached_and_leaves_nothing() -> None:
    layer = linear()
    ours = Recorder({"one": layer})
    assert not ours.is_open
    layer(noise(4, 3)).sum().backward()
    ours.attach()
    assert ours.is_open
    late = layer(noise(4, 3)).sum()
    ours.attach()
    assert len(layer._forward_hooks) == 1
    assert ours.take()["one"].counts.tolist() == [0, 0]
    late.backward()
    assert not ours.is_open
    assert not layer._forward_hooks
    assert ours.take() == {}


def test_detached_it_keeps_what_it_has() -> None:
    layer = linear()
    ours = Recorder({"one": layer})
    ours.attach()
    layer(noise(4, 3)).sum().backward()
    ours.detach()
    ours.detach()
    assert not layer._forward_hooks
    layer(noise(4, 3)).sum().backward()
    assert ours.is_open
    assert ours.take()["one"].counts.tolist() == [4, 4]
    assert not ours.is_open


def test_a_state_goes_on_elsewhere() -> None:
    layer = linear()
    first, whole = recorder(one=layer), recorder(one=layer)
    layer(noise(4, 3)).sum().backward()
    state = first.state()
    first.detach()
    second = Recorder({"one": layer, "new": linear()})
    second.load({**state, "gone": state["one"]})
    second.attach()
    layer(noise(2, 3, seed=1)).sum().backward()
    sums = second.take()
    assert sums.keys() == {"one", "new"}
    assert all(torch.equal(value, vars(sums["one"])[key]) for key, value in vars(whole.take()["one"]).items())


def test_a_copy_of_the_layers_records_for_itself() -> None:
    net = nn.Sequential(linear())
    ours = recorder(one=net[0])
    copy.deepcopy(net)(noise(4, 3)).sum().backward()
    assert ours.take()["one"].counts.tolist() == [0, 0]


def test_a_compiled_layer_is_not_recorded() -> None:
    layer = linear()
    ours = recorder(one=layer)
    compiled: Any = torch.compile(layer, backend="eager")
    compiled(noise(4, 3)).sum().backward()
    assert ours.take()["one"].counts.tolist() == [0, 0]
    torch.compiler.reset()
