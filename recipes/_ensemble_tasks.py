"""On which data ensembles are compared, at which size, and how each variant is trained there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

import lightning.pytorch as pl
import torch

from recipes.data import DigitsData, FashionMNISTData

__all__ = ["DEFAULTS", "TASKS", "Settings", "Task"]


@final
@dataclass(frozen=True)
class Settings:
    """What all runs share: data set, seeds, members of an ensemble, epochs of one budget, training images."""

    data: str
    seeds: int
    members: int
    epochs: int
    train_size: int


DEFAULTS: Final = {
    "digits": Settings("digits", seeds=3, members=5, epochs=60, train_size=100),
    "fashion_mnist": Settings("fashion_mnist", seeds=3, members=5, epochs=25, train_size=2000),
}


@final
@dataclass(frozen=True)
class Task:
    """A data set and how it is learned.

    Args:
        data: Makes its DataModule of a training size and a seed.
        width: Of ``resnet20_small``.
        precision: Of the Trainer.
        memory_format: Of the network.
        rates: Peak learning rate of momentum SGD for each way to train.
        ema_decay: Of the moving average of the single model's weights.
    """

    data: Callable[[int, int], pl.LightningDataModule]
    width: int
    precision: Literal["32-true", "bf16-mixed"]
    memory_format: torch.memory_format
    rates: Mapping[str, float]
    ema_decay: float


# Peak rates tried on Fashion-MNIST, each with the validation error in percent that came out: means of seeds 10 and 11.
# no cycle   last member  0.05: 17.2   0.1: 16.3   0.2: 16.2   0.4: 16.4
# snapshot   ensemble                  0.1: 15.3   0.2: 15.8
# The others have the rate of the run without cycles. On digits all have the rate that was best for one model.
TASKS: Final = {
    "digits": Task(
        data=lambda size, seed: DigitsData(train_size=size, batch_size=25, seed=seed),
        width=16,
        precision="32-true",
        memory_format=torch.contiguous_format,
        rates={"no_cycle": 0.1, "single_cycle": 0.1, "snapshot": 0.1, "short": 0.1},
        ema_decay=0.98,
    ),
    "fashion_mnist": Task(
        data=lambda size, seed: FashionMNISTData(train_size=size, batch_size=100, seed=seed),
        width=8,
        precision="bf16-mixed",
        memory_format=torch.channels_last,
        rates={"no_cycle": 0.2, "single_cycle": 0.2, "snapshot": 0.1, "short": 0.2},
        ema_decay=0.98,
    ),
}
