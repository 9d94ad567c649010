"""Replacements undone: in any order, with the weights and modes of the layers that go, and nobody else's slots."""

import copy
import gc
import weakref
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_regkit.regularizers import DropConnect, Replacement, followed_by, replace_layers


class Add(nn.Module):
    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.amount


def net() -> Any:
    return nn.Sequential(nn.BatchNorm1d(2), nn.ReLU(), nn.Linear(2, 2))


def test_undone_everything_is_as_before() -> None:
    module = net()
    before = list(module)
    replaced = replace_layers(module, {"0": followed_by(module[0], Add(1)), "2": DropConnect(module[2])})
    replaced.undo()
    replaced.undo()
    assert all(one is other for one, other in zip(module, before, strict=True))
    assert replaced.standing == {}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_of_one_slot_in_any_order(order: Any) -> None:
    module, inputs = nn.Sequential(nn.Identity()), torch.zeros(1)
    layer = module[0]
    records = [replace_layers(module, {"0": followed_by(module[0], Add(10.0**index))}) for index in range(3)]
    assert module(inputs).item() == 111
    for index in order:
        assert all(part is module[0] for record in records for part in record.standing.values())
        records[index].undo()
    assert module[0] is layer


def test_undone_from_below_the_upper_one_stays_until_it_is_undone_itself() -> None:
    module = nn.Sequential(nn.Identity())
    layer = module[0]
    lower = replace_layers(module, {"0": followed_by(layer, Add(1))})
    upper = replace_layers(module, {"0": followed_by(module[0], Add(10))})
    lower.undo()
    assert module(torch.zeros(1)).item() == 11
    upper.undo()
    assert module[0] is layer


def test_what_was_learned_stays() -> None:
    module = net()
    norm, linear = module[0], module[2]
    replaced = replace_layers(module, {"0": followed_by(norm, Add(1)), "2": DropConnect(linear)})
    module[0](torch.randn(4, 2))
    module[2].weight = nn.Parameter(torch.full((2, 2), 7.0))  # as a conversion, or load_state_dict(assign=True), does
    module.eval()
    replaced.undo()
    assert (norm.num_batches_tracked.item(), norm.training, linear.training) == (1, False, False)
    assert torch.equal(linear.weight, torch.full((2, 2), 7.0))
    assert [name for name, _ in linear.named_parameters()] == ["weight", "bias"]


def test_modes_inside_a_layer_are_carried_back() -> None:
    module: Any = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.ReLU()))
    block = module[0]
    twin: Any = copy.deepcopy(block)
    twin[0].weight, twin[0].bias = block[0].weight, block[0].bias
    replaced = replace_layers(module, {"0": twin})
    module[0][0].eval()
    replaced.undo()
    assert [part.training for part in module.modules()] == [True, True, False, True]


def test_put_back_keeps_nothing_of_the_new_layers() -> None:
    module = net()
    linear = module[2]
    replaced = replace_layers(module, {"2": DropConnect(linear)})
    weight = linear.weight
    module[2].weight = nn.Parameter(torch.full((2, 2), 7.0))
    module.eval()
    replaced.put_back()
    assert module[2] is linear
    assert linear.weight is weight
    assert linear.training


def test_a_slot_that_somebody_else_wrote_stays() -> None:
    module = net()
    replaced = replace_layers(module, {"0": followed_by(module[0], Add(1)), "1": nn.RReLU()})
    theirs = nn.Identity()
    module[1] = theirs
    assert replaced.missing(module) == ["1"]
    replaced.undo()
    assert module[1] is theirs
    assert type(module[0]) is nn.BatchNorm1d


def test_what_is_over_a_layer_stands_for_it() -> None:
    module = net()
    lower = replace_layers(module, {"0": followed_by(module[0], Add(1))})
    upper = replace_layers(module, {"0": followed_by(module[0], Add(1)), "1": nn.RReLU()})
    assert lower.missing(module) == upper.missing(module) == []
    assert lower.standing == {"0": module[0]}
    assert upper.standing == {"0": module[0], "1": module[1]}


def test_a_part_that_is_no_longer_in_the_module_is_missing() -> None:
    module = nn.Sequential(net())
    replaced = replace_layers(module, {"0.1": nn.RReLU()})
    module[0] = net()
    assert replaced.missing(module) == ["0.1"]


def test_one_layer_in_the_place_of_several() -> None:
    module, shared = nn.Sequential(nn.ReLU(), nn.GELU()), nn.Dropout()
    before = list(module)
    lower = replace_layers(module, {"0": shared, "1": shared})
    upper = replace_layers(module, {"0": nn.Identity()})
    assert [type(layer) for layer in module] == [nn.Identity, nn.Identity], "one layer, both of its slots"
    lower.undo()
    upper.undo()
    assert all(one is other for one, other in zip(module, before, strict=True))


def test_a_replacement_that_is_never_undone_keeps_nothing_alive() -> None:
    module = net()
    replace_layers(module, {"1": nn.RReLU()})
    ends = weakref.ref(module)
    del module
    gc.collect()
    assert ends() is None


def test_an_empty_one() -> None:
    Replacement({}, {}, []).undo()
