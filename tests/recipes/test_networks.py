from typing import Any

import pytest
import timm
import torch
from torch import nn

from recipes.networks import SmallBlock, SmallResNet


@pytest.mark.parametrize(("blocks", "million_parameters"), [(3, 0.27), (5, 0.46), (7, 0.66), (9, 0.85), (18, 1.7)])
def test_sizes_are_those_of_the_papers_table_6(blocks: int, million_parameters: float) -> None:
    network = SmallResNet(blocks, width=16, num_classes=10, in_chans=3)

    count = sum(parameter.numel() for parameter in network.parameters())

    digits = 1 if million_parameters > 1 else 2
    assert round(count / 1e6, digits) == million_parameters


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_has_6n_plus_2_layers(blocks: int) -> None:
    layers = [module for module in SmallResNet(blocks).modules() if isinstance(module, nn.Conv2d | nn.Linear)]

    assert len(layers) == 6 * blocks + 2


@pytest.mark.parametrize("side", [1, 7, 8, 32])
def test_maps_images_of_any_size_to_logits(side: int) -> None:
    network = SmallResNet(blocks=1, width=4, num_classes=5, in_chans=2)

    assert network(torch.zeros(3, 2, side, side)).shape == (3, 5)


def test_stages_halve_the_size_and_double_the_width() -> None:
    network = SmallResNet(blocks=2, width=4, in_chans=1)
    features, shapes = network.stem(torch.zeros(1, 1, 8, 8)), []
    for stage in network.stages:
        features = stage(features)
        shapes.append(tuple(features.shape))

    assert shapes == [(1, 4, 8, 8), (1, 8, 4, 4), (1, 16, 2, 2)]


def test_shortcut_takes_every_second_pixel_and_pads_with_zero_channels() -> None:
    block = SmallBlock(1, 2, stride=2)
    nn.init.zeros_(block.bn2.weight)  # silences the residual branch
    image = torch.tensor([[[[1.0, 2, 3, 4], [5, 6, 7, 8], [9, 10, -11, 12], [0, 1, 2, 3]]]])

    outputs = block(image)

    assert outputs.tolist() == [[[[1.0, 3.0], [9.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]]  # -11 falls to the last relu


def test_block_adds_the_residual_branch_to_its_input() -> None:
    block = SmallBlock(1, 1, stride=1).eval()
    for convolution in (block.conv1, block.conv2):
        nn.init.dirac_(convolution.weight)
        convolution.weight.data *= 3
    inputs = torch.tensor([[[[1.0, -1.0]]]])

    outputs = block(inputs)

    # 1 + 3 * relu(3 * 1) = 10 and relu(-1 + 3 * relu(-3)) = 0, but for the eps of BatchNorm
    torch.testing.assert_close(outputs, torch.tensor([[[[10.0, 0.0]]]]), rtol=1e-4, atol=0)


def test_timm_builds_it_by_name() -> None:
    network = timm.create_model("resnet20_small", num_classes=7, in_chans=1, width=8)

    assert isinstance(network, SmallResNet)
    assert network(torch.zeros(1, 1, 8, 8)).shape == (1, 7)
    assert sum(isinstance(module, nn.Conv2d) for module in network.modules()) == 19


def test_timm_builds_110_layers_by_name() -> None:
    with torch.device("meta"):
        network: Any = timm.create_model("resnet110_small", num_classes=100)

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == 110
    assert network.head.out_features == 100


def test_pretrained_is_refused() -> None:
    with pytest.raises(ValueError, match="pretrained") as error:
        timm.create_model("resnet20_small", pretrained=True)

    assert str(error.value) == (
        "SmallResNet: pretrained must be False, got True. No weights are published for networks of this size."
    )


def test_softmax_regression_is_one_layer_that_starts_at_zero() -> None:
    network = timm.create_model("softmax_regression", num_classes=3, in_chans=2, side_px=4)
    assert [tuple(parameter.shape) for parameter in network.parameters()] == [(3, 32), (3,)]
    assert torch.equal(network(torch.randn(5, 2, 4, 4)), torch.zeros(5, 3))


def test_softmax_regression_has_no_pretrained_weights() -> None:
    with pytest.raises(ValueError, match=r"^softmax_regression: pretrained must be False, got True\."):
        timm.create_model("softmax_regression", pretrained=True)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        timm.create_model("resnet20_small", depth=20)
