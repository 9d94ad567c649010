"""Who decays, against what torchvision and timm do, written out."""

import pytest
import timm
import torch
from timm.optim import param_groups_weight_decay
from torch import nn

from recipes.decay import decay_groups


def names(network: nn.Module, decays: str, decay: float = 0.1) -> dict[float, set[str]]:
    known = {id(parameter): name for name, parameter in network.named_parameters()}
    groups = decay_groups(network, decay, decays)
    return {group["weight_decay"]: {known[id(parameter)] for parameter in group["params"]} for group in groups}


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    with torch.device("meta"):
        return timm.create_model("resnet18", num_classes=7)


def test_all_of_them(resnet: nn.Module) -> None:
    assert names(resnet, "all") == {0.1: {name for name, _ in resnet.named_parameters()}}


def test_weights_alone_are_timms_groups(resnet: nn.Module) -> None:
    still, decaying = param_groups_weight_decay(resnet, 0.1)
    known = {id(parameter): name for name, parameter in resnet.named_parameters()}
    expected = {
        0.1: {known[id(parameter)] for parameter in decaying["params"]},
        0.0: {known[id(parameter)] for parameter in still["params"]},
    }
    assert names(resnet, "weights") == expected
    assert "fc.bias" in expected[0.0]


def test_all_but_norms_by_the_layers_that_own_them(resnet: nn.Module) -> None:
    """torchvision's set_weight_decay asks whether the layer is a BatchNorm; its --bias-weight-decay stays unset."""
    norms = {
        f"{name}.{own}"
        for name, layer in resnet.named_modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
        for own in ("weight", "bias")
    }
    found = names(resnet, "all_but_norms")
    assert found[0.0] == norms
    assert found[0.1] == {name for name, _ in resnet.named_parameters()} - norms
    assert "fc.bias" in found[0.1]


@pytest.mark.parametrize("decays", ["weights", "all_but_norms", "all"])
def test_frozen_parameters_are_left_out_and_the_others_are_there_once(decays: str) -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 2))
    network[0].requires_grad_(False)
    found = [parameter for group in decay_groups(network, 0.1, decays) for parameter in group["params"]]
    assert {id(parameter) for parameter in found} == {id(p) for layer in network[1:] for p in layer.parameters()}
    assert len(found) == 4


def test_an_empty_group_is_left_out() -> None:
    assert list(names(nn.LayerNorm(2), "all_but_norms")) == [0.0]


def test_an_unknown_word_is_refused(resnet: nn.Module) -> None:
    with pytest.raises(ValueError, match="decays") as error:
        names(resnet, "none")
    assert str(error.value) == "decay_groups: decays must be one of weights, all_but_norms, all, got 'none'."
