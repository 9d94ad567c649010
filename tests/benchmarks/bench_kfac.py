"""A step of SGD with K-FAC, factors and eigenvectors renewed at several periods, against the step of SGD alone."""

import copy
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit.optim.kfac._layers import find_layers
from lightning_regkit.optim.kfac._recorder import Recorder
from lightning_regkit.optim.kfac._settings import KFACSettings
from lightning_regkit.optim.kfac._state import KFACState
from recipes.networks import resnet20_small
from tests.benchmarks.harness import Comparison

#: Steps between two factors, and between two eigendecompositions; a call makes as many as the longest period has.
PERIODS = ((1, 1), (10, 10), (10, 100))
THREADS = 1


class Loop:
    """Steps of SGD on one batch, as KFACPreconditioner makes them in a Trainer if there are settings."""

    def __init__(self, net: nn.Module, inputs: Tensor, settings: KFACSettings | None = None) -> None:
        self.net, self.inputs, self.targets = net, inputs, torch.arange(len(inputs)) % 10
        self.optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)
        self.layers, _ = find_layers("bench_kfac", net)
        self.recorder = Recorder(self.layers)
        self.state = KFACState(settings) if settings else None

    def __call__(self, steps: int) -> None:
        for _ in range(steps):
            if self.state is not None and self.state.is_due:
                self.recorder.attach()
            self.optimizer.zero_grad()
            functional.cross_entropy(self.net(self.inputs), self.targets).backward()
            if self.state is not None:
                self._precondition(self.state)
            self.optimizer.step()

    def _precondition(self, state: KFACState) -> None:
        sums = self.recorder.take()
        if sums:
            state.update(sums, scale=1.0, micro_batches=1)
        state.apply(self.layers, self.optimizer)


def comparisons(*, tiny: bool) -> list[Comparison]:
    torch.manual_seed(0)
    batch, widths = (4, (16, 8)) if tiny else (32, (784, 256))
    cases: list[tuple[str, nn.Module, Tensor]] = [
        ("MLP 784-256-256-10", _mlp(*widths), torch.randn(batch, widths[0])),
        ("resnet20_small", resnet20_small(num_classes=10, in_chans=3), torch.randn(batch, 3, 16, 16)),
    ]
    return [
        _comparison(f"{name}, factors / {update}, eigenvectors / {invert}", net, inputs, (update, invert), tiny=tiny)
        for name, net, inputs in cases
        for update, invert in PERIODS
    ]


def _comparison(name: str, net: nn.Module, inputs: Tensor, periods: tuple[int, int], *, tiny: bool) -> Comparison:
    steps, rounds, warmup = (1, 1, 0) if tiny else (periods[1], max(3, 11 // periods[1]), 1)
    settings = KFACSettings(1e-1, *periods, 0.95, 1e-3)
    ours, peer = Loop(copy.deepcopy(net), inputs, settings), Loop(copy.deepcopy(net), inputs)
    return Comparison(name, partial(ours, steps), partial(peer, steps), rounds, warmup, "nothing")


def _mlp(inputs: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
