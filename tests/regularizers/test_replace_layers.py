"""Layers replaced: every slot, the same names and parameters, or nothing."""

import re
from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit.regularizers import DropConnect, followed_by, replace_layers


class Shared(nn.Module):
    """One activation in three slots, two of them of one parent."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.linear = nn.Linear(2, 2)
        self.inner = nn.Sequential(self.act, self.linear)
        self.again = self.act


def slots(net: Any) -> list[nn.Module]:
    return [net.act, net.inner[0], net.again]


def test_it_is_put_into_every_slot() -> None:
    net = Shared()
    noise = nn.RReLU()
    replaced = replace_layers(net, {"act": noise})
    assert all(layer is noise for layer in slots(net))
    assert [name for name, _ in net.named_modules(remove_duplicate=False)][1:] == [
        "act",
        "linear",
        "inner",
        "inner.0",
        "inner.1",
        "again",
    ]
    assert (list(replaced.before), replaced.after) == (["act"], {"act": noise})


def test_names_and_parameters_stay_whatever_shares_them() -> None:
    net = Shared()
    names, parameters = list(net.state_dict()), list(net.parameters())
    replace_layers(net, {"linear": DropConnect(net.linear), "act": nn.Dropout()})
    assert list(net.state_dict()) == names
    assert all(one is other for one, other in zip(net.parameters(), parameters, strict=True))
    assert isinstance(net.inner[1], DropConnect)


def test_an_alias_names_the_layer_too() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Linear(1, 1))
    with pytest.raises(ValueError, match="layers must be named as in the module"):
        replace_layers(net, {"inner": nn.ReLU()})


@pytest.mark.parametrize("training", [True, False])
def test_a_new_layer_gets_the_mode_and_what_it_takes_over_keeps_its_own(training: bool) -> None:
    net: Any = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)))
    net[0].train(training)
    net[0][1].train(not training)
    noise = nn.Dropout().train(not training)
    replace_layers(net, {"0": followed_by(net[0], noise)})
    noise.train(not training)
    replace_layers(net, {"0.0": followed_by(net[0][0], nn.Dropout())})
    assert (net[0].training, net[0][1].training) == (training, not training)
    plain = nn.Sequential(nn.ReLU().train(training))
    fresh = nn.Dropout().train(not training)
    replace_layers(plain, {"0": fresh})
    assert fresh.training == training


class Transposed(nn.Module):
    """The same names in another order."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.bias, self.weight = layer.bias, layer.weight


REMEDY = "Noise after a layer: regularizers.followed_by(layer, noise)."


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda layer: nn.Sequential(layer, nn.Dropout()),
            ValueError,
            "the new layer must keep the names of weights and buffers, got "
            f"['- 1.weight', '- 1.bias', '+ 1.0.weight', '+ 1.0.bias']. {REMEDY}",
        ),
        (
            lambda _: nn.Dropout(),
            ValueError,
            f"the new layer must keep the names of weights and buffers, got ['- 1.weight', '- 1.bias']. {REMEDY}",
        ),
        (
            Transposed,
            ValueError,
            f"the new layer must keep the names of weights and buffers, got ['another order']. {REMEDY}",
        ),
        (
            lambda _: nn.Linear(2, 2),
            ValueError,
            "the new layer must hold the very parameters of the old one, got '1'. Copies train apart.",
        ),
        (lambda _: None, TypeError, "the new layer must be a module, got None."),
        (lambda layer: layer, ValueError, "the new layer must be another one than the old, got '1'."),
    ],
)
def test_refused_and_nothing_is_changed(make: Any, kind: type[Exception], text: str) -> None:
    net = nn.Sequential(nn.ReLU(), nn.Linear(2, 2))
    before, weights = list(net), [weight.clone() for weight in net.parameters()]
    with pytest.raises(kind, match=f"^{re.escape(f'regularizers.replace_layers: {text}')}$"):
        replace_layers(net, {"0": nn.RReLU(), "1": make(net[1])})
    assert all(one is other for one, other in zip(net, before, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(net.parameters(), weights, strict=True))


@pytest.mark.parametrize("name", ["", "2", "0.weight"])
def test_an_unknown_name_is_refused(name: str) -> None:
    text = f"Surgery: layers must be named as in the module, got ['{name}']."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        replace_layers(nn.Sequential(nn.ReLU()), {name: nn.Dropout()}, owner="Surgery")
