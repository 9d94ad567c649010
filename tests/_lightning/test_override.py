"""Layers over a method: order, exact restoring, copies and pickles."""

import copy
import pickle
from collections.abc import Callable
from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning_utilities.core.overrides import is_overridden
from torch import Tensor, nn

from lightning_regkit._lightning._override import Override, is_listed


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.weight * inputs


class Layers:
    """Owner of bound-method layers, as callbacks are."""

    def add_one(self, inner: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        return inner(inputs) + 1

    def times_ten(self, inner: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        return inner(inputs) * 10


ONE = torch.tensor(1.0)
LAYERS = Layers()


def test_layers_apply_in_the_order_pushed() -> None:
    net = Scale()
    Override.push(net, "forward", LAYERS.add_one)
    Override.push(net, "forward", LAYERS.times_ten)
    assert net(ONE) == (2 + 1) * 10


@pytest.mark.parametrize("first", ["low", "high"])
def test_the_lowest_level_is_innermost_in_whatever_order_they_come(first: str) -> None:
    net, pairs = Scale(), [(LAYERS.add_one, 0), (LAYERS.times_ten, 2)]
    for layer, level in pairs if first == "low" else pairs[::-1]:
        record = Override.push(net, "forward", layer, level)
    assert net(ONE) == (2 + 1) * 10
    record.pop(LAYERS.add_one)
    assert net(ONE) == 2 * 10


def test_it_looks_like_what_it_stands_for() -> None:
    net = Scale()
    Override.push(net, "forward", LAYERS.add_one)
    assert not is_overridden("forward", net, Scale)
    assert signature(net.forward) == signature(Scale.forward)


@pytest.mark.parametrize("first", [True, False], ids=["first in, first out", "last in, first out"])
def test_absence_is_restored_in_any_order(first: bool) -> None:
    net = Scale()
    before = dict(vars(net))
    one = Override.push(net, "forward", LAYERS.add_one)
    ten = Override.push(net, "forward", LAYERS.times_ten)
    assert one is ten
    order = [LAYERS.add_one, LAYERS.times_ten]
    for layer in order if first else reversed(order):
        one.pop(layer)
    assert vars(net) == before
    assert net(ONE) == 2


def test_a_previous_entry_is_called_and_put_back() -> None:
    net = Scale()
    entry = lambda inputs: inputs + 100  # noqa: E731
    vars(net)["forward"] = entry
    override = Override.push(net, "forward", LAYERS.times_ten)
    assert net(ONE) == 1010
    override.pop(LAYERS.times_ten)
    assert vars(net)["forward"] is entry


def test_popping_twice_is_harmless() -> None:
    net = Scale()
    override = Override.push(net, "forward", LAYERS.add_one)
    override.pop(LAYERS.add_one)
    override.pop(LAYERS.add_one)
    assert "forward" not in vars(net)


def test_what_others_installed_on_top_stays() -> None:
    net = Scale()
    override = Override.push(net, "forward", LAYERS.add_one)
    ours = net.forward
    theirs = lambda inputs: ours(inputs) * 7  # noqa: E731
    vars(net)["forward"] = theirs
    override.pop(LAYERS.add_one)
    assert vars(net)["forward"] is theirs
    assert net(ONE) == 14, "ours below it passes through"


def test_a_copy_runs_its_own_weights_without_layers() -> None:
    net = Scale()
    override = Override.push(net, "forward", LAYERS.add_one)
    twin = copy.deepcopy(net)
    with torch.no_grad():
        twin.weight.fill_(5.0)
    assert twin(ONE) == 5
    assert net(ONE) == 3
    override.pop(LAYERS.add_one)
    assert twin(ONE) == 5


def test_a_pickle_runs_its_own_weights_without_layers() -> None:
    net = Scale()
    Override.push(net, "forward", LAYERS.add_one)
    twin = pickle.loads(pickle.dumps(net))
    with torch.no_grad():
        twin.weight.fill_(5.0)
    assert twin(ONE) == 5
    assert net(ONE) == 3


@pytest.mark.parametrize("in_place", [True, False], ids=["net.compile()", "torch.compile(net)"])
def test_a_compiled_module_is_layered_and_restored(in_place: bool) -> None:
    net: Any = Scale()
    if in_place:
        net.compile(backend="eager")
    else:
        net = torch.compile(net, backend="eager")
    before = dict(vars(net))
    override = Override.push(net, "forward", LAYERS.add_one)
    assert net(ONE) == 3
    override.pop(LAYERS.add_one)
    assert vars(net) == before
    assert net(ONE) == 2


def test_is_listed_compares_identity() -> None:
    callback, twin = SimpleNamespace(), SimpleNamespace()
    assert callback == twin
    assert is_listed(SimpleNamespace(callbacks=[twin, callback]), callback)
    assert not is_listed(SimpleNamespace(callbacks=[twin]), callback)
