"""The networks of the CIFAR papers that timm lacks, in its model registry.

Importing this module registers them, so that ``timm.create_model`` builds them by name like any other model.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast, final

import timm
import torch.nn.functional as F
from timm.models import register_model
from timm.models.resnet import ResNet
from torch import Tensor, nn
from typing_extensions import override

from recipes.networks import own_options

__all__ = ["PreActivationResNet", "preact18", "resnet18_cifar", "wrn28_10"]


@final
class PreActivationBlock(nn.Module):
    """BatchNorm and ReLU in front of each of two 3x3 convolutions, beside a shortcut.

    The shortcut is the input; where the shape changes, a 1x1 convolution of the input after the first ReLU.

    Args:
        in_width: Channels that come in.
        width: Channels that go out.
        stride: 1, or 2 to halve height and width.
        dropout: Share of the numbers between the convolutions that are dropped in training.
    """

    def __init__(self, in_width: int, width: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_width)
        self.conv1 = nn.Conv2d(in_width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        is_projected = stride != 1 or in_width != width
        self.shortcut = nn.Conv2d(in_width, width, 1, stride=stride, bias=False) if is_projected else None

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, in_width, H, W) to (B, width, H / stride, W / stride), rounded up."""
        activated = F.relu(self.bn1(inputs))
        residual: Tensor = self.conv2(self.dropout(F.relu(self.bn2(self.conv1(activated)))))
        return residual + (inputs if self.shortcut is None else self.shortcut(activated))


@final
class PreActivationResNet(nn.Module):
    """A residual network with activations in front of convolutions, for small images: full, 1/2, 1/4, ... size.

    Args:
        widths: Channels of the stem, then of each stage.
        blocks: In each stage.
        num_classes: K.
        in_chans: C.
        dropout: Share of the numbers inside a block that are dropped in training.

    Example:
        >>> import torch
        >>> network = PreActivationResNet((4, 8, 16), blocks=1, num_classes=10, in_chans=1)
        >>> tuple(network(torch.zeros(2, 1, 8, 8)).shape)
        (2, 10)

    Reference:
        He, Zhang, Ren, Sun. Identity Mappings in Deep Residual Networks. ECCV 2016, figure 1b; Zagoruyko and Komodakis.
        Wide Residual Networks. BMVC 2016, table 1.
    """

    def __init__(
        self, widths: Sequence[int], blocks: int, num_classes: int = 10, in_chans: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_chans, widths[0], 3, padding=1, bias=False)
        layers: list[nn.Module] = []
        for stage, (in_width, width) in enumerate(pairwise(widths)):
            layers.append(PreActivationBlock(in_width, width, 2 if stage else 1, dropout))
            layers += [PreActivationBlock(width, width, 1, dropout) for _ in range(blocks - 1)]
        self.blocks = nn.Sequential(*layers)
        self.bn = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(widths[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.head.bias)

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map images (B, C, H, W) of any size to logits (B, K)."""
        features = F.relu(self.bn(self.blocks(self.stem(inputs))))
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


@register_model
def preact18(**timm_arguments: Any) -> PreActivationResNet:
    """Build the 18-layer network with pre-activation; options are ``num_classes``, ``in_chans`` and ``dropout``.

    Example:
        >>> len(timm.create_model("preact18", num_classes=10).blocks)
        8
    """
    return PreActivationResNet((64, 64, 128, 256, 512), 2, **own_options("preact18", timm_arguments))


@register_model
def wrn28_10(**timm_arguments: Any) -> PreActivationResNet:
    """Build the wide network of 28 layers, ten times as wide; options are those of ``preact18``.

    Example:
        >>> len(timm.create_model("wrn28_10", num_classes=10).blocks)
        12
    """
    return PreActivationResNet((16, 160, 320, 640), 4, **own_options("wrn28_10", timm_arguments))


@register_model
def resnet18_cifar(**timm_arguments: Any) -> ResNet:
    """Build timm's ``resnet18`` with a stem for small images: one 3x3 convolution, no pooling.

    Example:
        >>> timm.create_model("resnet18_cifar", num_classes=10).conv1.stride
        (1, 1)
    """
    network = cast("ResNet", timm.create_model("resnet18", **own_options("resnet18_cifar", timm_arguments)))
    stem = nn.Conv2d(timm_arguments.get("in_chans", 3), 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    network.conv1, network.maxpool = stem, nn.Identity()  # type: ignore[assignment]  # it is typed by its last branch
    return network
