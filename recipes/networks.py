"""The small residual networks of the ResNet paper, and a linear one, in timm's model registry.

Importing this module registers them, so that ``timm.create_model`` builds them by name like any other model.
"""

from typing import Any, final

import torch.nn.functional as F
from timm.models import register_model
from torch import Tensor, nn
from typing_extensions import override

__all__ = ["SmallResNet", "own_options", "resnet20_small", "resnet110_small", "softmax_regression"]

STAGES = 3
TIMM_SETTINGS = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"}


@final
class SmallBlock(nn.Module):
    """Two 3x3 convolutions beside an identity shortcut, which is subsampled and padded with zero channels as needed.

    Args:
        in_width: Channels that come in.
        width: Channels that go out, at least ``in_width``.
        stride: 1, or 2 to halve height and width.
    """

    def __init__(self, in_width: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_width, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride = stride
        self.new_channels = width - in_width

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, in_width, H, W) to (B, width, H / stride, W / stride), rounded up."""
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(inputs)))))
        shortcut = F.pad(inputs[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
        return F.relu(residual + shortcut)


@final
class SmallResNet(nn.Module):
    """A ResNet of 6n + 2 layers for images of a few pixels a side: three stages of n blocks at full, 1/2 and 1/4 size.

    Args:
        blocks: n, the blocks in each stage.
        width: Channels of the first stage; the others have twice and four times as many.
        num_classes: K.
        in_chans: C.

    Example:
        >>> import torch
        >>> network = SmallResNet(blocks=1, width=16, num_classes=10, in_chans=1)
        >>> tuple(network(torch.zeros(2, 1, 8, 8)).shape)
        (2, 10)

    Reference:
        He, Zhang, Ren, Sun. Deep Residual Learning for Image Recognition. CVPR 2016, section 4.2, shortcut "option A".
    """

    def __init__(self, blocks: int = 1, width: int = 16, num_classes: int = 10, in_chans: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_chans, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.stages = nn.Sequential(*(_stage(index, blocks, width) for index in range(STAGES)))
        self.head = nn.Linear(width * 2 ** (STAGES - 1), num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map images (B, C, H, W) of any size to logits (B, K)."""
        features: Tensor = self.stages(self.stem(inputs))  # (B, 4 * width, H / 4, W / 4)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def _stage(index: int, blocks: int, width: int) -> nn.Sequential:
    out = width * 2**index
    first = SmallBlock(max(width, out // 2), out, stride=1 if index == 0 else 2)
    return nn.Sequential(first, *(SmallBlock(out, out, stride=1) for _ in range(blocks - 1)))


def own_options(owner: str, timm_arguments: dict[str, Any]) -> dict[str, Any]:
    """Take from what ``timm.create_model`` passes its own settings for pretrained weights.

    Args:
        owner: Name of the network, for the message.
        timm_arguments: What it passes.

    Raises:
        ValueError: Pretrained weights are asked for.
    """
    if timm_arguments.get("pretrained"):
        raise ValueError(
            f"{owner}: pretrained must be False, got True. No weights are published for networks of this size."
        )
    return {name: value for name, value in timm_arguments.items() if name not in TIMM_SETTINGS}


@register_model
def resnet20_small(**timm_arguments: Any) -> SmallResNet:
    """Build the 20-layer network (n = 3); options are ``width``, ``num_classes`` and ``in_chans``.

    Example:
        >>> import timm
        >>> network = timm.create_model("resnet20_small", width=8, num_classes=10, in_chans=1)
        >>> network.head.out_features
        10
    """
    return SmallResNet(3, **own_options("SmallResNet", timm_arguments))


@register_model
def resnet110_small(**timm_arguments: Any) -> SmallResNet:
    """Build the 110-layer network (n = 18); options are those of ``resnet20_small``.

    Example:
        >>> import timm
        >>> network = timm.create_model("resnet110_small", width=2, num_classes=100)
        >>> [len(stage) for stage in network.stages]
        [18, 18, 18]
    """
    return SmallResNet(18, **own_options("SmallResNet", timm_arguments))


@register_model
def softmax_regression(**timm_arguments: Any) -> nn.Sequential:
    """Build one linear layer over all pixels, starting at zero; options are ``num_classes``, ``in_chans``, ``side_px``.

    With cross-entropy its training loss is convex.

    Example:
        >>> import timm
        >>> network = timm.create_model("softmax_regression", num_classes=10, in_chans=1, side_px=8)
        >>> tuple(network[1].weight.shape)
        (10, 64)
    """
    options = {"num_classes": 10, "in_chans": 3, "side_px": 8, **own_options("softmax_regression", timm_arguments)}
    layer = nn.Linear(options["in_chans"] * options["side_px"] ** 2, options["num_classes"])
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(nn.Flatten(), layer)
