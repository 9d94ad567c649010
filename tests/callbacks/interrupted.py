"""A noisy run, stopped at every hook of an epoch, for the tests of exact resumption."""

import random
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.loggers.logger import DummyLogger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit.callbacks import ExactResume, Mixup
from lightning_regkit.samplers import ResumableSampler
from tests.support import NUM_CLASSES, images, trainer

COUNT, BATCH = 18, 2


class Augmented(Dataset[Any]):
    """Images with noise keyed by (epoch, index), and if asked from the three global generators as well."""

    def __init__(self, count: int = COUNT, *, is_noisy: bool = True) -> None:
        self.inputs, self.targets = images(count)
        self.is_noisy = is_noisy

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, key: Any) -> tuple[Tensor, Tensor]:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        noise = np.random.default_rng((epoch, index)).normal()
        if self.is_noisy:
            noise += torch.randn(1).item() + np.random.rand() + random.random()  # noqa: NPY002
        return self.inputs[index] + 0.1 * noise, self.targets[index]


class Noisy(pl.LightningModule):
    """Dropout and batch normalization; logs in every way there is, and keeps a metric of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))
        self.accuracy = MulticlassAccuracy(NUM_CLASSES)
        self.val_accuracy = MulticlassAccuracy(NUM_CLASSES)
        self.own = MeanMetric()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        inputs, targets = batch
        logits = self.net(inputs)
        loss = functional.cross_entropy(logits, targets)
        self.log("loss", loss, on_step=True, on_epoch=True)
        for name in ("max", "min", "sum"):
            self.log(name, loss.detach(), on_step=False, on_epoch=True, reduce_fx=name)
        if batch_idx == 0:
            self.log("first", loss.detach(), on_step=False, on_epoch=True)
        self.accuracy(logits, targets)
        self.log("accuracy", self.accuracy, on_step=False, on_epoch=True)
        self.own.update(loss.detach())
        return loss

    def on_train_epoch_end(self) -> None:
        self.log("own", self.own.compute())
        self.own.reset()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        logits = self.net(batch[0])
        self.val_accuracy(logits, batch[1])
        self.log("val_accuracy", self.val_accuracy)
        self.log("val_loss", functional.cross_entropy(logits, batch[1]), on_step=True, on_epoch=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


class Rows(DummyLogger):
    """Keeps what is logged, with its step."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int | None, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.rows.append((step, {name: float(value) for name, value in metrics.items()}))


class Stops(pl.callbacks.Checkpoint):
    """Saves a checkpoint at every hook of one epoch; remembers how many rows had been logged by then."""

    def __init__(self, folder: Path | None, epoch: int = 1) -> None:
        self.folder, self.epoch = folder, epoch
        self.rows: dict[str, int] = {}

    def save(self, trainer: pl.Trainer, name: str) -> None:
        if self.folder is not None and trainer.current_epoch == self.epoch and not trainer.sanity_checking:
            trainer.save_checkpoint(self.folder / f"{name}.ckpt")
            assert isinstance(trainer.logger, Rows)
            self.rows[name] = len(trainer.logger.rows)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer, "epoch_start")

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        self.save(trainer, f"batch_end_{args[-1]}")

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer, f"validation_start_{trainer.fit_loop.batch_idx}")

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        self.save(trainer, f"validation_batch_{args[-1]}_after_{trainer.fit_loop.batch_idx}")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer, f"validation_end_{trainer.fit_loop.batch_idx}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer, "epoch_end")


def run(
    stops: Stops, *, resume: ExactResume | None, workers: int = 0, ckpt_path: Any = None, **options: Any
) -> pl.Trainer:
    """Train three epochs and return the Trainer; global noise in the data only where the loader is in this process."""
    pl.seed_everything(5, verbose=False)
    module, rows = Noisy(), Rows()
    if ckpt_path is not None:
        torch.manual_seed(99)  # a new process stands elsewhere in its streams
    data, callbacks = Augmented(is_noisy=workers == 0), options.pop("callbacks", [])
    ours = trainer(
        logger=rows,
        log_every_n_steps=1,
        enable_checkpointing=True,
        callbacks=[Mixup(0.4), *callbacks, stops, *([resume] if resume else [])],
        **{"max_epochs": 3, **options},
    )
    train = DataLoader(
        data,
        batch_size=BATCH,
        sampler=ResumableSampler(data, keyed=True),
        num_workers=workers,
        persistent_workers=options.get("max_time") is None and workers > 0,
    )
    val = DataLoader(Augmented(4, is_noisy=False), batch_size=BATCH)
    ours.fit(module, train, val, ckpt_path=ckpt_path, weights_only=None if ckpt_path is None else True)
    return ours


def is_same(ours: Any, theirs: Any) -> bool:
    """Compare trees of tensors bit for bit."""
    if isinstance(ours, Tensor):
        return torch.equal(ours, theirs)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(is_same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(is_same, ours, theirs))
    return bool(ours == theirs)


def outcome(trainer: pl.Trainer) -> dict[str, Any]:
    """Return what a run leaves behind: weights, metric states, optimizer, last metrics."""
    module: Any = trainer.lightning_module
    return {
        "weights": module.state_dict(),
        "optimizer": trainer.optimizers[0].state_dict(),
        "metrics": dict(trainer.callback_metrics),
        "step": trainer.global_step,
    }
