"""The ends of residual branches: that their outputs are what the shortcut is added to."""

import re
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from lightning_regkit.regularizers import followed_by, residual_branches


class Nothing(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return torch.zeros_like(inputs)


def small(block: Any, **options: Any) -> Any:
    return timm.models.resnet.ResNet(block, (2, 1, 1, 1), num_classes=3, channels=(4, 8, 8, 8), **options)


NETS: dict[str, tuple[Any, str, int]] = {
    "torchvision resnet18": (torchvision.models.resnet18, "bn2", 8),
    "torchvision resnet50": (torchvision.models.resnet50, "bn3", 16),
    "torchvision resnext50": (torchvision.models.resnext50_32x4d, "bn3", 16),
    "timm resnet18": (lambda: timm.create_model("resnet18"), "bn2", 8),
    "timm resnet50": (lambda: timm.create_model("resnet50"), "bn3", 16),
    "timm seresnet50": (lambda: timm.create_model("seresnet50"), "se", 16),
    "timm basic with se": (lambda: small(timm.models.resnet.BasicBlock, block_args={"attn_layer": "se"}), "se", 5),
}


@pytest.mark.parametrize("name", NETS)
def test_the_last_layer_of_every_block(name: str) -> None:
    make, last, count = NETS[name]
    net = make()
    found = residual_branches(net)
    stages = [(stage, len(net.get_submodule(f"layer{stage}"))) for stage in range(1, 5)]
    assert list(found) == [f"layer{stage}.{index}.{last}" for stage, blocks in stages for index in range(blocks)]
    assert len(found) == count
    assert all(net.get_submodule(path) is layer for path, layer in found.items())


BLOCKS: dict[str, Any] = {
    "torchvision basic": lambda: BasicBlock(4, 4),
    "torchvision bottleneck": lambda: Bottleneck(16, 4),
    "timm basic": lambda: timm.models.resnet.BasicBlock(4, 4),
    "timm bottleneck": lambda: timm.models.resnet.Bottleneck(16, 4),
    "timm basic with se": lambda: timm.models.resnet.BasicBlock(8, 8, attn_layer="se"),
    "timm bottleneck with se": lambda: timm.models.resnet.Bottleneck(32, 8, attn_layer="se"),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_without_its_branch_a_block_is_its_shortcut(block: str) -> None:
    net: Any = nn.Sequential(BLOCKS[block]().eval())
    channels = net[0].conv1.in_channels
    inputs = torch.randn(2, channels, 6, 6).relu()
    for name, layer in residual_branches(net).items():
        setattr(net.get_submodule("0"), name.removeprefix("0."), followed_by(layer, Nothing()))
    assert torch.equal(net(inputs), inputs)


def test_a_block_by_itself_and_a_derived_one() -> None:
    mine: Any = type("Mine", (BasicBlock,), {})
    assert list(residual_branches(mine(4, 4))) == ["bn2"]
    assert list(residual_branches(nn.ModuleDict({"a": Bottleneck(16, 4)}))) == ["a.bn3"]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: nn.Sequential(nn.BatchNorm2d(2)),
            "the module must hold residual blocks of torchvision or timm where `where` is None, got 'Sequential'. "
            'Name the last layer of your residual branches, such as where="*.bn2".',
        ),
        (
            lambda: small(timm.models.resnet.BasicBlock, drop_path_rate=0.1),
            "blocks must have no drop_path of their own, got 'layer1.1'. Create the network with drop_path_rate=0.",
        ),
    ],
)
def test_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'StochasticDepth: {text}')}$"):
        residual_branches(make(), owner="StochasticDepth")
