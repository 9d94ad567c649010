"""Which layers are called, in networks that may share hooks, be copied or be compiled."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_regkit.regularizers import followed_by
from lightning_regkit.regularizers._calls import Calls


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Any:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def test_those_that_were_not_called_are_named() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.ReLU())
    calls = Calls(net, {"0": net[0], "2": net[2], "else": nn.ReLU()})
    net[:2](torch.ones(1, 1))
    assert calls.end() == (["2", "else"], [])


def test_those_called_in_evaluation_mode_only_are_named() -> None:
    net = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU())
    calls = Calls(net, {"0": net[0], "1": net[1], "2": net[2]})
    net[0](torch.ones(1))
    net.eval()(torch.ones(1))
    net[1].train()(torch.ones(1))
    assert calls.end() == ([], ["2"])


def test_it_ends() -> None:
    net = nn.Sequential(nn.ReLU())
    calls = Calls(net, {"0": net[0]})
    assert net[0]._forward_pre_hooks
    assert calls.end() == (["0"], [])
    assert not net[0]._forward_pre_hooks
    net(torch.ones(1))
    assert calls.end() == (["0"], [])


def test_a_call_of_the_layer_before_is_none_of_its_twin() -> None:
    layer = nn.Linear(1, 1)
    twin = followed_by(layer, nn.Dropout())
    net = nn.Sequential(twin)
    calls = Calls(net, {"0": twin})
    layer(torch.ones(1, 1))
    assert calls.end() == (["0"], [])
    assert not layer._forward_pre_hooks
    calls = Calls(net, {"0": twin})
    twin(torch.ones(1, 1))
    layer(torch.ones(1, 1))
    assert calls.end() == ([], [])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"])
def test_a_copy_is_another_network(copied: Any) -> None:
    net = nn.Sequential(nn.ReLU())
    calls = Calls(net, {"0": net[0]})
    copied(net)(torch.ones(1))
    assert calls.end() == (["0"], [])


class Whole(nn.Module):
    """As Lightning leaves a module that was given to it compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.ReLU())
        self._compiler_ctx = {"compiler": "dynamo"}


def compiled_child() -> nn.Module:
    child: Any = torch.compile(nn.Sequential(nn.ReLU()), backend="eager")
    return nn.Sequential(child)


def in_place() -> nn.Module:
    net = nn.Sequential(nn.ReLU())
    net.compile(backend="eager")
    return net


@pytest.mark.parametrize(
    "make",
    [compiled_child, in_place, Whole],
    ids=["child", "in place", "whole"],
)
def test_a_compiled_network_is_not_watched(make: Any) -> None:
    net = make()
    layer = next(part for part in net.modules() if isinstance(part, nn.ReLU))
    calls = Calls(net, {"it": layer})
    assert not layer._forward_pre_hooks
    assert calls.end() == ([], [])


def test_where_a_function_was_compiled_nobody_knows() -> None:
    net = nn.Sequential(nn.ReLU())

    def features(inputs: Tensor) -> Any:
        return net[0](inputs)

    run = torch.compile(features, backend="eager")
    run(torch.ones(1))
    calls = Calls(net, {"0": net[0]})
    run(torch.ones(1))
    assert calls.end() == ([], [])
