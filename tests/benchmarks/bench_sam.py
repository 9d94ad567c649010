"""A step of ``sam`` against the same by hand, what it is made of, two evaluations and one step, and plain steps."""

import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit import optim
from recipes.networks import resnet20_small
from tests.benchmarks.harness import Against, Comparison

OPTIONS: dict[str, Any] = {"lr": 1e-3, "weight_decay": 5e-4}
RHO = 0.05


class Loop:
    """One network, one batch, one optimizer."""

    def __init__(self, net: nn.Module, inputs: Tensor, name: str) -> None:
        self.net, self.inputs, self.targets = net, inputs, torch.arange(len(inputs)) % 10
        self.optimizer = optim.create(net, name, **OPTIONS)

    def evaluate(self) -> Tensor:
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.net(self.inputs), self.targets)
        loss.backward()
        return loss

    def step(self, evaluations: int, steps: int) -> None:
        """So many evaluations before each of so many steps."""
        for _ in range(steps):
            for _ in range(evaluations):
                self.evaluate()
            self.optimizer.step()

    def step_by_hand(self) -> None:
        self.evaluate()
        gradients = [weight.grad for weight in self.net.parameters() if weight.grad is not None]
        weights, length = list(self.net.parameters()), torch.stack(torch._foreach_norm(gradients)).norm()
        moves = torch._foreach_mul(gradients, RHO / length)
        with torch.no_grad():
            torch._foreach_add_(weights, moves)
        self.evaluate()
        with torch.no_grad():
            torch._foreach_sub_(weights, moves)
        self.optimizer.step()

    def step_by_closure(self) -> None:
        self.optimizer.step(self.evaluate)


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
        ours, peer = Loop(copy.deepcopy(net), inputs, "sam"), Loop(copy.deepcopy(net), inputs, "momentum")
        peers: dict[str, tuple[Any, Against]] = {
            "the same by hand": (peer.step_by_hand, "best"),
            "two evaluations, one step": (partial(peer.step, 2, 1), "nothing"),
            "two plain steps": (partial(peer.step, 1, 2), "nothing"),
            "one plain step": (partial(peer.step, 1, 1), "nothing"),
        }
        found += [
            Comparison(f"{name}: sam / {other}", ours.step_by_closure, call, rounds, warmup, against)
            for other, (call, against) in peers.items()
        ]
    return found
