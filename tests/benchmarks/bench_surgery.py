"""A training step of networks with layers put in, against the same by timm, torch and by hand, and the plain one."""

import copy
from collections.abc import Callable
from functools import partial
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
from tests.benchmarks.harness import Against, Comparison

RATE = 0.2
THREADS = 1


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


class Dropped(nn.Linear):
    """DropConnect in a few lines: weights and biases through dropout, the same for the batch or for each example."""

    def __init__(self, layer: nn.Linear, per: str) -> None:
        super().__init__(layer.in_features, layer.out_features)
        self.weight, self.bias, self.per = layer.weight, layer.bias, per

    def forward(self, inputs: Tensor) -> Tensor:
        if self.per == "batch":
            return functional.linear(inputs, functional.dropout(self.weight), functional.dropout(self.bias))
        weights = functional.dropout(self.weight.expand(len(inputs), -1, -1))  # (B, out, in)
        biases = functional.dropout(self.bias.expand(len(inputs), -1))
        return torch.baddbmm(biases.unsqueeze(2), weights, inputs.unsqueeze(2)).squeeze(2)


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
    plain, noisy, connected = resnet(), deep(resnet()), partial(replaced, mlp, nn.Linear)

    def by_hand(per: str) -> nn.Module:
        return connected(partial(Dropped, per=per))

    each, one = connected(DropConnect), connected(partial(DropConnect, per="batch"))
    spread, random = (partial(FractionalPooling.like, regions=regions) for regions in ("pseudorandom", "random"))
    pool = partial(replaced, pooled, nn.MaxPool2d)
    fractional = pool(lambda _: nn.FractionalMaxPool2d(3, output_ratio=0.5))
    pairs: dict[str, tuple[nn.Module, nn.Module, Tensor, int, Against]] = {
        "narrow ResNet-18: stochastic depth / timm's own": (noisy, resnet(drop_path_rate=RATE), images, 21, "best"),
        "narrow ResNet-18: stochastic depth / none": (noisy, plain, images, 21, "nothing"),
        "MLP: DropConnect for each example / by hand": (each, by_hand("sample"), flat, 21, "best"),
        "MLP: DropConnect for each example / none": (each, mlp, flat, 21, "nothing"),
        "MLP: DropConnect for the batch / by hand": (one, by_hand("batch"), flat, 101, "best"),
        "MLP: DropConnect for the batch / none": (one, mlp, flat, 101, "nothing"),
        "two convolutions: pseudorandom fractional / torch's": (pool(spread), fractional, images, 21, "best"),
        "two convolutions: pseudorandom fractional / max pooling": (pool(spread), pooled, images, 21, "nothing"),
        "two convolutions: random fractional / torch's": (pool(random), fractional, images, 21, "best"),
        "two convolutions: random fractional / max pooling": (pool(random), pooled, images, 21, "nothing"),
    }
    return [
        Comparison(
            name,
            step(copy.deepcopy(ours), inputs),
            step(copy.deepcopy(peer), inputs),
            1 if tiny else rounds,
            warmup,
            against,
        )
        for name, (ours, peer, inputs, rounds, against) in pairs.items()
    ]
