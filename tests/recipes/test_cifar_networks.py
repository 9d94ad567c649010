from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.cifar_networks import PreActivationBlock, PreActivationResNet


def build(name: str, **options: Any) -> Any:
    with torch.device("meta"):
        return timm.create_model(name, **options)


@pytest.mark.parametrize(
    ("name", "num_classes", "million"),
    [("wrn28_10", 10, 36.5), ("preact18", 10, 11.2), ("resnet18_cifar", 10, 11.2), ("resnet110_small", 10, 1.7)],
)
def test_sizes_are_those_of_the_papers(name: str, num_classes: int, million: float) -> None:
    count = sum(parameter.numel() for parameter in build(name, num_classes=num_classes).parameters())
    assert round(count / 1e6, 1) == million


def test_the_size_of_the_wide_network_by_hand() -> None:
    """Table 1 of the paper, N = 4, k = 10: 3x3 convolutions, 1x1 shortcuts, two numbers for each channel of a norm."""
    expected = 9 * 3 * 16
    for before, width in ((16, 160), (160, 320), (320, 640)):
        expected += 9 * before * width + 7 * 9 * width * width + before * width  # eight convolutions and the shortcut
        expected += 2 * before + 7 * 2 * width
    expected += 2 * 640 + 640 * 10 + 10
    assert sum(parameter.numel() for parameter in build("wrn28_10").parameters()) == expected == 36_479_194


@pytest.mark.parametrize(("name", "layers"), [("wrn28_10", 28 + 1), ("preact18", 18 + 3)])
def test_layers_are_as_many_as_the_name_says(name: str, layers: int) -> None:
    """28 convolutions with the shortcuts, as Wide ResNets count; 18 layers without, as ResNets do."""
    found = [layer for layer in build(name).modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    shortcuts = [layer for layer in found if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
    assert (len(found), len(shortcuts)) == (layers, 3)


@pytest.mark.parametrize("name", ["wrn28_10", "preact18", "resnet18_cifar"])
def test_stages_have_full_size_then_halves(name: str) -> None:
    network, sizes = build(name, num_classes=3), []

    def note(_layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        sizes.append((output.shape[1], output.shape[-1]))

    for layer in network.modules():
        if isinstance(layer, PreActivationBlock) or type(layer).__name__ == "BasicBlock":
            layer.register_forward_hook(note)
    assert network(torch.zeros(2, 3, 32, 32, device="meta")).shape == (2, 3)
    widths = {"wrn28_10": (160, 320, 640)}.get(name, (64, 128, 256, 512))
    assert list(dict.fromkeys(sizes)) == [(width, 32 >> stage) for stage, width in enumerate(widths)]


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_is_the_papers_formula(stride: int) -> None:
    torch.manual_seed(0)
    block = PreActivationBlock(3, 3 * stride, stride, 0.0).train()
    inputs = torch.randn(4, 3, 6, 6)

    def normalized(values: Tensor) -> Tensor:  # weights 1 and 0 at first
        mean, variance = values.mean((0, 2, 3), keepdim=True), values.var((0, 2, 3), unbiased=False, keepdim=True)
        return ((values - mean) / (variance + 1e-5).sqrt()).clamp(min=0)

    activated = normalized(inputs)
    residual = F.conv2d(activated, block.conv1.weight, stride=stride, padding=1)
    residual = F.conv2d(normalized(residual), block.conv2.weight, padding=1)
    shortcut = inputs if block.shortcut is None else F.conv2d(activated, block.shortcut.weight, stride=stride)
    torch.testing.assert_close(block(inputs), shortcut + residual)
    assert (block.shortcut is None) == (stride == 1)


def test_an_identity_shortcut_passes_the_input_unactivated() -> None:
    block = PreActivationBlock(2, 2, 1, 0.0)
    nn.init.zeros_(block.conv2.weight)
    inputs = torch.randn(2, 2, 4, 4)
    assert torch.equal(block(inputs), inputs)


def test_dropout_lies_between_the_convolutions() -> None:
    torch.manual_seed(0)
    network = PreActivationResNet((2, 4, 8), 1, dropout=0.5)
    images = torch.randn(2, 3, 8, 8)
    seen: list[Tensor] = []
    network.blocks[0].conv2.register_forward_pre_hook(lambda _layer, given: seen.append(given[0]))  # type: ignore[union-attr]
    network.train()(images)
    assert (seen[0] == 0).float().mean() > 0.6  # half by the ReLU, half of the rest by dropout
    network.eval()
    assert torch.equal(network(images), network(images))


def test_the_output_goes_through_a_last_norm_and_relu() -> None:
    network = PreActivationResNet((2, 2), 1, num_classes=2)
    nn.init.eye_(network.head.weight)
    seen: list[Tensor] = []
    network.blocks.register_forward_hook(lambda _layer, _given, output: seen.append(output))
    logits = network.eval()(torch.randn(3, 3, 8, 8))
    torch.testing.assert_close(logits, (seen[0] / (1 + 1e-5) ** 0.5).clamp(min=0).mean((2, 3)))


def test_weights_start_as_he_et_al_have_it() -> None:
    torch.manual_seed(0)
    layer = PreActivationResNet((16, 64), 1).blocks[0].conv1  # to 64 channels from 16
    assert isinstance(layer, nn.Conv2d)
    assert layer.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.03)
    stem: Any = timm.create_model("resnet18_cifar").conv1
    assert stem.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.1)


def test_the_stem_for_small_images() -> None:
    network = build("resnet18_cifar", in_chans=1, zero_init_last=False)
    assert (network.conv1.in_channels, network.conv1.kernel_size, network.conv1.stride) == (1, (3, 3), (1, 1))
    assert isinstance(network.maxpool, nn.Identity)


@pytest.mark.parametrize("name", ["wrn28_10", "preact18", "resnet18_cifar", "resnet110_small"])
def test_pretrained_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="pretrained must be False, got True"):
        timm.create_model(name, pretrained=True)
