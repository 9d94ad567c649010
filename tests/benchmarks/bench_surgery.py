"""A training step of networks with layers put in, against timm's own stochastic depth and against the plain network."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from timm.models.resnet import BasicBlock, ResNet
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import StochasticDepth

from lightning_regkit.regularizers import (
    DropConnect,
    FractionalPooling,
    Where,
    find_layers,
    followed_by,
    linear_rates,
    replace_layers,
    residual_branches,
)
from tests.benchmarks.harness import Comparison

RATE = 0.2


def step(net: nn.Module, inputs: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    targets = torch.arange(len(inputs)) % 10

    def train() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(net(inputs), targets).backward()
        optimizer.step()

    return train


def replaced(net: nn.Module, kind: type[nn.Module], make: Callable[[Any], nn.Module]) -> nn.Module:
    net = copy.deepcopy(net)
    replace_layers(net, {name: make(layer) for name, layer in find_layers(net, Where(kind)).items()})
    return net


def deep(net: nn.Module) -> nn.Module:
    net = copy.deepcopy(net)
    ends = residual_branches(net)
    rates = linear_rates(RATE, len(ends))
    noise = [StochasticDepth(rate, "row") for rate in rates]
    replace_layers(net, {name: followed_by(ends[name], each) for name, each in zip(ends, noise, strict=True)})
    return net


def resnet(**options: Any) -> nn.Module:
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes=10, channels=(16, 32, 64, 64), **options)


def comparisons(*, tiny: bool) -> list[Comparison]:
    torch.manual_seed(0)
    batch, warmup = (4, 0) if tiny else (64, 3)
    images, flat = torch.randn(batch, 3, 32, 32), torch.randn(batch, 784)
    mlp = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    pooled = nn.Sequential(
        *(
            nn.Conv2d(3, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
        ),
        *(nn.MaxPool2d(3, 2, padding=1), nn.Flatten(), nn.Linear(64 * 8 * 8, 10)),
    )
    plain = resnet()
    pairs: dict[str, tuple[nn.Module, nn.Module, Tensor, int]] = {
        "narrow ResNet-18: stochastic depth / timm's own": (
            deep(plain),
            resnet(drop_path_rate=RATE),
            images,
            21,
        ),
        "narrow ResNet-18: stochastic depth / none": (deep(plain), plain, images, 21),
        "MLP 784-256-256-10: DropConnect for each example / none": (
            replaced(mlp, nn.Linear, DropConnect),
            mlp,
            flat,
            21,
        ),
        "MLP 784-256-256-10: DropConnect for the batch / none": (
            replaced(mlp, nn.Linear, lambda layer: DropConnect(layer, per="batch")),
            mlp,
            flat,
            101,
        ),
        "two convolutions: pseudorandom fractional / max pooling": (
            replaced(pooled, nn.MaxPool2d, FractionalPooling.like),
            pooled,
            images,
            21,
        ),
        "two convolutions: random fractional / max pooling": (
            replaced(pooled, nn.MaxPool2d, lambda pool: FractionalPooling.like(pool, regions="random")),
            pooled,
            images,
            21,
        ),
    }
    return [
        Comparison(name, step(ours, inputs), step(copy.deepcopy(peer), inputs), 1 if tiny else rounds, warmup)
        for name, (ours, peer, inputs, rounds) in pairs.items()
    ]
