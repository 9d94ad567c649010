"""A whole fit of a trivial module under a cosine with warmup: ScheduleLR against torch's, timm's and none."""

import math
import warnings
from functools import partial
from typing import Any

import lightning.pytorch as pl
import torch
from timm.scheduler import CosineLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.schedules import Cosine
from tests.benchmarks.harness import Comparison, quiet
from tests.support import trainer

WARMUP_STEPS = 5
THREADS = 1


class Trivial(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 2)

    @override
    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self.net(batch[0]).square().mean()

    @override
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Scheduled(Trivial):
    """A scheduler of torch, stepped by Lightning after every batch."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.make = make

    @override
    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.make(optimizer), "interval": "step"}}


class ScheduledByTimm(Scheduled):
    """The scheduler of timm, once for every update."""

    @override
    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        scheduler.step_update(self.global_step)


def comparisons(*, tiny: bool) -> list[Comparison]:
    total_steps = 8 if tiny else 400
    rounds, warmup = (1, 0) if tiny else (11, 1)
    data = DataLoader(TensorDataset(torch.randn(total_steps, 4)), batch_size=1)
    factor = partial(_factor, total_steps=total_steps)

    def ours() -> None:
        _fit(Trivial(), data, ScheduleLR(Cosine(), warmup=f"{WARMUP_STEPS}step"))

    def scheduled(kind: Any, make: Any) -> Any:
        return lambda: _fit(kind(make), data)

    timm = partial(CosineLRScheduler, t_initial=total_steps, warmup_t=WARMUP_STEPS, t_in_epochs=False)
    lamb, chain = scheduled(Scheduled, partial(LambdaLR, lr_lambda=factor)), partial(_chain, total_steps=total_steps)
    return [
        Comparison("ScheduleLR / torch LambdaLR", ours, lamb, rounds, warmup),
        Comparison("ScheduleLR / timm CosineLRScheduler", ours, scheduled(ScheduledByTimm, timm), rounds, warmup),
        Comparison("ScheduleLR / torch SequentialLR", ours, scheduled(Scheduled, chain), rounds, warmup, "default"),
        Comparison("ScheduleLR / no schedule", ours, lambda: _fit(Trivial(), data), rounds, warmup, "nothing"),
    ]


@quiet()
def _fit(module: pl.LightningModule, data: DataLoader[Any], *callbacks: pl.Callback) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The epoch parameter in")  # torch 2.6 says so to its own SequentialLR
        trainer(max_epochs=1, callbacks=list(callbacks)).fit(module, data)


def _chain(optimizer: Optimizer, total_steps: int) -> SequentialLR:
    warmup = LinearLR(optimizer, 1 / WARMUP_STEPS, total_iters=WARMUP_STEPS)
    return SequentialLR(optimizer, [warmup, CosineAnnealingLR(optimizer, total_steps - WARMUP_STEPS)], [WARMUP_STEPS])


def _factor(step: int, total_steps: int) -> float:
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    return (1 + math.cos(math.pi * (step - WARMUP_STEPS) / (total_steps - WARMUP_STEPS))) / 2
