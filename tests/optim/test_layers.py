from typing import Any, cast

import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay
from torch import nn

from lightning_regkit.optim._layers import layer_scales


def linears(count: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(2, 2) for _ in range(count)))


def test_children_in_order_and_the_last_at_full_rate() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.BatchNorm1d(2), nn.Linear(2, 1))
    assert layer_scales("f", net, 0.5, None) == {
        "0.weight": (0, 0.25),
        "0.bias": (0, 0.25),
        "2.weight": (1, 0.5),
        "2.bias": (1, 0.5),
        "3.weight": (2, 1.0),
        "3.bias": (2, 1.0),
    }


def test_an_only_child_is_looked_into() -> None:
    wrapped = nn.ModuleDict({"loss": nn.MSELoss(), "net": nn.Sequential(linears(2))})
    assert {name: depth for name, (depth, _) in layer_scales("f", wrapped, 0.5, None).items()} == {
        "net.0.0.weight": 0,
        "net.0.0.bias": 0,
        "net.0.1.weight": 1,
        "net.0.1.bias": 1,
    }


def test_an_only_layer_is_the_last() -> None:
    assert set(layer_scales("f", linears(1), 0.5, None).values()) == {(0, 1.0)}


def test_layers_by_prefix_are_whole_parts_of_a_name() -> None:
    net = nn.ModuleDict({"conv1": nn.Linear(1, 1), "bn1": nn.BatchNorm1d(1), "conv10": nn.Linear(1, 1)})
    scales = layer_scales("f", net, 0.1, [("conv1", "bn1"), ["conv10"]])
    assert {name.split(".")[0]: depth for name, (depth, _) in scales.items()} == {"conv1": 0, "bn1": 0, "conv10": 1}
    assert scales["conv1.weight"][1] == pytest.approx(0.1)


def test_a_frozen_layer_keeps_its_depth_and_has_no_scale() -> None:
    net = linears(3)
    net[2].requires_grad_(requires_grad=False)
    scales = layer_scales("f", net, 0.5, None)
    assert set(scales) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    assert scales["1.weight"] == (1, 0.5)


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_with_timm_s_depths_the_factors_are_timm_s(name: str) -> None:
    net = timm.create_model(name, num_classes=2)
    depths = timm.models.group_parameters(net, cast("Any", net).group_matcher(coarse=False), reverse=True)
    groups: list[dict[str, Any]] = param_groups_layer_decay(net, layer_decay=0.75)
    expected = {id(parameter): group["lr_scale"] for group in groups for parameter in group["params"]}
    scales = layer_scales("f", net, 0.75, depths)
    found = {id(parameter): scales[parameter_name][1] for parameter_name, parameter in net.named_parameters()}
    assert len(set(found.values())) > 5
    assert found == pytest.approx(expected)


class Own(nn.Module):
    """A parameter that no child owns."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(2))
        self.body = linears(2)


@pytest.mark.parametrize(
    ("net", "layers", "lost"),
    [
        (Own(), None, ["token in 0"]),
        (linears(2), ["0"], ["1.weight in 0", "1.bias in 0"]),
        (linears(1), ["0", "0.bias"], ["0.bias in 2"]),
        (linears(1), {"0.weight": 0}, ["0.bias in 0"]),
        (linears(1), {}, ["0.weight in 0", "0.bias in 0"]),
        (linears(1), [], ["0.weight in 0", "0.bias in 0"]),
    ],
)
def test_a_parameter_in_no_layer_or_in_two_is_refused(net: nn.Module, layers: Any, lost: list[str]) -> None:
    with pytest.raises(ValueError, match="layers") as refused:
        layer_scales("f", net, 0.5, layers)
    assert str(refused.value) == (
        f"f: layers must hold every trainable parameter in one, got {lost!r}. "
        "Name prefixes from input to output, such as [('conv1', 'bn1'), 'layer1', 'fc']."
    )
