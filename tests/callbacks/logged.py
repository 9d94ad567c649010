"""Loggers that remember, and a network with everything that there is to watch."""

from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn
from torch.nn import functional

from tests.support import NUM_CLASSES, SIDE_PX, Classifier


class Rows(Logger):
    """Remembers all rows, Lightning's own too."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int | None, dict[str, float]]] = []

    @property
    def name(self) -> str:
        return "rows"

    @property
    def version(self) -> str:
        return "0"

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, *_args: Any, **_kwargs: Any) -> None: ...

    def of(self, name: str) -> list[tuple[int | None, float]]:
        """Return steps and values of one metric."""
        return [(step, row[name]) for step, row in self.rows if name in row]

    def column(self, name: str) -> list[float]:
        return [value for _, value in self.of(name)]


class Experiment:
    """Has what is asked of TensorBoard's writer and of W&B's run."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **options: self.calls.append((name, args, options))


class WandbLogger(Rows):
    """Has the name and the interface of Lightning's."""

    def __init__(self) -> None:
        super().__init__()
        self.run = Experiment()
        self.images: list[tuple[str, list[Any], int | None, dict[str, Any]]] = []

    @property
    def experiment(self) -> Experiment:
        return self.run

    def log_image(self, key: str, images: list[Any], step: int | None = None, **options: Any) -> None:
        self.images.append((key, images, step, options))


class TensorBoardLogger(Rows):
    """Has the name and the interface of Lightning's."""

    def __init__(self) -> None:
        super().__init__()
        self.writer = Experiment()

    @property
    def experiment(self) -> Experiment:
        return self.writer


class Watched(Classifier):
    """Has a rectifier and a bounded layer; logs loss and accuracy of training and validation."""

    def __init__(self, **options: Any) -> None:
        torch.manual_seed(0)
        super().__init__(**options)
        sizes = SIDE_PX * SIDE_PX, 8, 6
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(sizes[0], sizes[1]),
            nn.ReLU(),
            nn.Linear(sizes[1], sizes[2]),
            nn.Tanh(),
            nn.Linear(sizes[2], NUM_CLASSES),
        )
        self.losses: list[Tensor] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.losses.append(loss.detach())
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", functional.cross_entropy(self(batch[0]), batch[1]))


class Each(pl.Callback):
    """Calls a function at the start or the end of every training batch, and remembers what it returns."""

    def __init__(self, *, at_start: Any = None, at_end: Any = None) -> None:
        self.at_start, self.at_end = at_start, at_end
        self.starts: list[Any] = []
        self.ends: list[Any] = []

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self.at_start is not None:
            self.starts.append(self.at_start(trainer, batch))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.at_end is not None:
            self.ends.append(self.at_end(trainer, outputs))
