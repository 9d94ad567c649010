"""What the tests of the protocol share: digits, a tiny net, and the faults that are planted in them."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import lightning.pytorch as pl
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.schedules import Cosine
from lightning_regkit.tuning import Setup

CPU = Setup(trainer={"accelerator": "cpu"})


@lru_cache(maxsize=1)
def scans() -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return torch.from_numpy(images).float()[order], torch.from_numpy(labels).long()[order]


def network(width: int = 32, *, norm: bool = True) -> nn.Sequential:
    layers = [nn.Linear(64, width), nn.BatchNorm1d(width) if norm else nn.Identity(), nn.ReLU(), nn.Linear(width, 10)]
    return nn.Sequential(*layers)


class Net(pl.LightningModule):
    """A tiny classifier of digits, with whatever is wrong with it."""

    def __init__(
        self, net: nn.Module | None = None, lr: float = 0.1, loss: Callable[..., Tensor] = F.cross_entropy
    ) -> None:
        super().__init__()
        self.net: Any = network() if net is None else net
        self.lr, self.loss = lr, loss

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.net(inputs)
        return outputs

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        inputs, targets = batch
        return self.loss(self(inputs), targets)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        outputs = self(batch[0])
        self.log("val_loss", F.cross_entropy(outputs, batch[1]))
        self.log("val_acc", (outputs.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)


class Digits(pl.LightningDataModule):
    """1,000 scans to train on, or fewer, 300 to validate on, with whatever is wrong with them."""

    def __init__(
        self,
        spoil: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        val_from: int = 1000,
        num_images: int = 1000,
    ) -> None:
        super().__init__()
        self.spoil, self.val_from, self.num_images = spoil, val_from, num_images

    def setup(self, stage: str) -> None:
        images, labels = scans()
        mean, std = images[:1000].mean(), images[:1000].std()
        inputs, targets = (images - mean) / std, labels
        if self.spoil is not None:
            inputs, targets = self.spoil(images, labels)
        self.train = TensorDataset(inputs[: self.num_images], targets[: self.num_images])
        self.val = TensorDataset(
            inputs[self.val_from : self.val_from + 300], targets[self.val_from : self.val_from + 300]
        )

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.train, batch_size=25, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.val, batch_size=300)


def normalized(images: Tensor) -> Tensor:
    return (images - images.mean()) / images.std()


def shuffled(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    return normalized(images), labels[order]


def one_more(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return normalized(images), labels + 1


def raw(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return 16 * images, labels  # as bytes


def with_weights(layers: nn.Sequential, change: Callable[[nn.Parameter], object]) -> nn.Sequential:
    with torch.no_grad():
        for layer in layers.modules():
            if isinstance(layer, nn.Linear):
                change(layer.weight)
    return layers


def scheduled(warmup: int | str = 0) -> ScheduleLR:
    return ScheduleLR(Cosine(), warmup=warmup)
