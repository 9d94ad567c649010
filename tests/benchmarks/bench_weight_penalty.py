"""The penalty on weights, through the gradient and proximal, against the same by hand, and SGD's weight decay."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit.regularizers import Penalizer, select_parameters, weight_penalty
from recipes.networks import resnet20_small
from tests.benchmarks.harness import Against, Comparison

L1, L2, LR = 1e-6, 1e-4, 1e-3


class Loop:
    """One network, one batch, plain SGD; each method is one way to take a step."""

    def __init__(self, net: nn.Module, inputs: Tensor, l1: float = L1, decay: float = 0.0) -> None:
        self.net, self.inputs, self.targets = copy.deepcopy(net), inputs, torch.arange(len(inputs)) % 10
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=LR, weight_decay=decay)
        self.weights = select_parameters(self.net)
        self.penalizer = Penalizer(self.weights, l1, L2)

    def loss(self) -> Tensor:
        self.optimizer.zero_grad()
        return functional.cross_entropy(self.net(self.inputs), self.targets)

    def plain(self) -> None:
        self.loss().backward()
        self.optimizer.step()

    def through_the_gradient(self) -> None:
        self.loss().backward()
        self.penalizer.add_gradients(self.optimizer)
        self.optimizer.step()

    def in_the_loss(self) -> None:
        (self.loss() + weight_penalty(self.weights, l1=L1, l2=L2)).backward()
        self.optimizer.step()

    def proximal(self) -> None:
        self.loss().backward()
        self.penalizer.before_step(self.optimizer)
        self.optimizer.step()
        self.penalizer.after_step(self.optimizer)

    def soft_threshold(self) -> None:
        self.plain()
        with torch.no_grad():
            for weight in self.weights:
                weight.copy_(weight.sign() * (weight.abs() - LR * L1).clamp(min=0) / (1 + LR * L2))


def comparisons(*, tiny: bool) -> list[Comparison]:
    torch.manual_seed(0)
    batch, warmup = (4, 0) if tiny else (64, 3)
    mlp = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    cases: list[tuple[str, nn.Module, Tensor, int]] = [
        ("MLP 784-256-256-10", mlp, torch.randn(batch, 784), 101),
        ("resnet20_small", resnet20_small(num_classes=10, in_chans=3), torch.randn(batch, 3, 16, 16), 15),
    ]
    found = []
    for name, net, inputs, full in cases:
        rounds = 1 if tiny else full
        ours, peer = Loop(net, inputs), Loop(net, inputs)
        squares, decaying = Loop(net, inputs, l1=0.0), Loop(net, inputs, decay=L2)
        pairs: dict[str, tuple[Any, Any, Against]] = {
            "gradient / penalty in the loss": (ours.through_the_gradient, peer.in_the_loss, "default"),
            "gradient, L2 alone / weight_decay": (squares.through_the_gradient, decaying.plain, "best"),
            "gradient / no penalty": (ours.through_the_gradient, peer.plain, "nothing"),
            "proximal / soft threshold by hand": (ours.proximal, peer.soft_threshold, "default"),
            "proximal / no penalty": (ours.proximal, peer.plain, "nothing"),
        }
        found += [
            Comparison(f"{name}: {pair}", a, b, rounds, warmup, against) for pair, (a, b, against) in pairs.items()
        ]
    return found
