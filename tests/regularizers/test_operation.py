"""One surgery: what it did, what it may refuse, and that nothing is left of it."""

import re
from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit.regularizers import DropConnect, followed_by
from lightning_regkit.regularizers._operation import Operation


@pytest.fixture(autouse=True)
def _nothing_compiled() -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.ReLU())


def noisy(module: Any, rate: float = 0.2) -> Operation:
    layers = {"0": DropConnect(module[0], rate), "2": followed_by(module[2], nn.Dropout(0.4))}
    return Operation(module, layers, owner="Surgery")


def test_it_says_what_it_did() -> None:
    assert noisy(net()).lines == [
        "1 Linear replaced by DropConnect: 0",
        "1 ReLU followed by Dropout: 2, rates 0.2 to 0.4",
    ]


def test_rates_are_those_of_the_new_noise_only() -> None:
    module = net()
    operation = noisy(module)
    later = Operation(module, {"2": followed_by(module[2], nn.Dropout(0.8))}, owner="Surgery")
    assert (operation.rates.base, later.rates.base) == ([0.2, 0.4], [0.8])
    operation.rates.write(0.5)
    assert [layer.p for layer in module.modules() if "p" in vars(layer)] == [0.1, 0.5, 0.2, 0.8]


def test_noise_that_is_in_several_places_has_one_rate() -> None:
    module, shared = nn.Sequential(nn.ReLU(), nn.ReLU()), nn.Dropout(0.5)
    operation = Operation(module, {"0": shared, "1": shared}, owner="Surgery")
    assert operation.rates.base == [0.5]


def test_undone_layers_and_rates_are_as_before_and_nothing_watches() -> None:
    module = net()
    before, shared = list(module), nn.Dropout(0.5)
    operation = Operation(module, {"2": shared}, owner="Surgery")
    operation.watch(module)
    operation.rates.write(0.5)
    assert shared.p == 0.25
    operation.undo()
    operation.undo()
    assert all(one is other for one, other in zip(module, before, strict=True))
    assert shared.p == 0.5
    assert not shared._forward_pre_hooks


def test_a_layer_that_was_taken_out_is_refused() -> None:
    module = net()
    operation = noisy(module)
    operation.refuse_missing(module)
    module[2] = nn.ReLU()
    text = (
        "Surgery: new layers must stay in the module, got '2'. Let nothing else replace them: instead of "
        "sync_batchnorm=True, give the Trainer nn.SyncBatchNorm.convert_sync_batchnorm(module)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        operation.refuse_missing(module)


def test_a_module_that_calls_none_is_refused() -> None:
    module = net()
    operation = noisy(module)
    operation.watch(module)
    text = (
        "Surgery: the module must call a layer that was put in, got 'no call of 0, 2'. "
        "Its forward must take them from the module's attributes, as in self.bn2(x)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        operation.seen()


def test_those_that_made_no_noise_are_told_once() -> None:
    module = net()
    operation = noisy(module)
    assert operation.seen() == [], "nothing was watched"
    operation.watch(module)
    module[0](torch.ones(1, 2))
    assert operation.seen() == ["not called in the first batch: 2"]
    assert operation.seen() == []
    operation.watch(module)
    module[0].eval()
    module(torch.ones(1, 2))
    assert operation.seen() == ["in evaluation mode in the first batch: 0"]
    operation.watch(module)
    module.train()(torch.ones(1, 2))
    assert operation.seen() == []


def test_what_stands_over_a_layer_is_called_for_it() -> None:
    module = net()
    operation = noisy(module)
    Operation(module, {"2": followed_by(module[2], nn.Dropout())}, owner="Surgery")
    operation.watch(module)
    module(torch.ones(1, 2))
    assert operation.seen() == []
