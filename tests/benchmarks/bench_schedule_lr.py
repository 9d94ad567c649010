"""A whole fit of a trivial module under a cosine with warmup: ScheduleLR against LambdaLR, and against no schedule."""

import logging
import math
from functools import partial
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.schedules import Cosine
from tests.benchmarks.harness import Comparison

WARMUP_STEPS = 5


class Trivial(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 2)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self.net(batch[0]).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Scheduled(Trivial):
    """torch's LambdaLR, stepped by Lightning after every batch."""

    def __init__(self, total_steps: int) -> None:
        super().__init__()
        self.total_steps = total_steps

    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        scheduler = LambdaLR(optimizer, partial(_factor, total_steps=self.total_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def comparisons(*, tiny: bool) -> list[Comparison]:
    total_steps = 8 if tiny else 400
    rounds, warmup = (1, 0) if tiny else (11, 1)
    data = DataLoader(TensorDataset(torch.randn(total_steps, 4)), batch_size=1)

    def ours() -> None:
        _fit(Trivial(), data, ScheduleLR(Cosine(), warmup=f"{WARMUP_STEPS}step"))

    return [
        Comparison("ScheduleLR / LambdaLR", ours, lambda: _fit(Scheduled(total_steps), data), rounds, warmup),
        Comparison("ScheduleLR / no schedule", ours, lambda: _fit(Trivial(), data), rounds, warmup),
    ]


def _fit(module: pl.LightningModule, data: DataLoader[Any], *callbacks: pl.Callback) -> None:
    logging.disable(logging.INFO)
    try:
        _trainer(*callbacks).fit(module, data)
    finally:
        logging.disable(logging.NOTSET)


def _trainer(*callbacks: pl.Callback) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )


def _factor(step: int, total_steps: int) -> float:
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    return (1 + math.cos(math.pi * (step - WARMUP_STEPS) / (total_steps - WARMUP_STEPS))) / 2
