"""Script: a training run that may be killed at any moment and is started again by the same command.

``python -m tests.faults.training FOLDER [--checkpoints FOLDER] [--devices N] [--workers N]``

Writes ``pid<rank>`` first, a line of ``rows.jsonl`` for every call of the logger, ``final<rank>.pt`` at the end.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit.callbacks import ExactResume, Mixup, ScheduleLR
from lightning_regkit.plugins import AtomicCheckpointIO
from lightning_regkit.samplers import ResumableSampler
from lightning_regkit.schedules import Cosine
from tests.ddp.support import pause_before_forks

EPOCHS, EXAMPLES, BATCH_SIZE = 3, 95, 4  # of all processes together: 24 batches, the last one short
FEATURES, HIDDEN, CLASSES = 64, 8192, 10  # a checkpoint of 5 MB, so that a kill can hit the writing of it
PAUSE_S = 0.01  # in every batch, so that a kill can hit the training


class Noisy(Dataset[Any]):
    """Vectors with noise that is a function of epoch and index, whatever worker adds it."""

    def __init__(self, count: int) -> None:
        generator = np.random.default_rng(0)
        self.inputs = torch.from_numpy(generator.standard_normal((count, FEATURES), dtype=np.float32))
        self.targets = torch.from_numpy(generator.integers(CLASSES, size=count))

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        noise = np.random.default_rng(key).standard_normal(FEATURES, dtype=np.float32)
        return self.inputs[key[1]] + torch.from_numpy(noise), self.targets[key[1]]


class Network(pl.LightningModule):
    """Dropout and batch statistics; logs per step, per epoch, and a running metric."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(FEATURES, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Dropout(), nn.Linear(HIDDEN, CLASSES)
        )
        self.accuracy = MulticlassAccuracy(CLASSES)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        time.sleep(PAUSE_S)
        inputs, targets = batch
        logits = self.net(inputs)
        loss = functional.cross_entropy(logits, targets)
        self.accuracy(logits, targets)
        self.log("loss", loss, on_step=True, on_epoch=True, sync_dist=True)
        self.log("accuracy", self.accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        inputs, targets = batch
        self.log("val_loss", functional.cross_entropy(self.net(inputs), targets), sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.02, momentum=0.9)


class Rows(Logger):
    """Appends every call to a file, in one write each; floats exactly."""

    name = "rows"
    version = 0

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Leave them out."""

    @rank_zero_only
    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **{key: float(value).hex() for key, value in metrics.items()}}) + "\n")


def loaders(devices: int, workers: int) -> tuple[DataLoader[Any], DataLoader[Any]]:
    options: dict[str, Any] = {"batch_size": BATCH_SIZE // devices, "num_workers": workers}
    train, keys = Noisy(EXAMPLES), [(0, index) for index in range(16)]
    validation = Noisy(len(keys))
    pairs: Any = [validation[key] for key in keys]
    return DataLoader(train, sampler=ResumableSampler(train, keyed=True), **options), DataLoader(pairs, **options)


def fit(folder: Path, checkpoints: Path, devices: int, workers: int) -> None:
    pl.seed_everything(3, verbose=False)
    if devices > 1:
        pause_before_forks()
    resume = ExactResume(every="3step", dirpath=checkpoints)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        max_epochs=EPOCHS,
        accumulate_grad_batches=2,
        callbacks=[Mixup(), ScheduleLR(Cosine()), resume],
        plugins=[AtomicCheckpointIO()],
        logger=Rows(folder / "rows.jsonl"),
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Network()
    trainer.fit(model, *loaders(devices, workers), ckpt_path="last", weights_only=True)
    final = {
        "weights": model.state_dict(),
        "optimizer": trainer.optimizers[0].state_dict(),
        "metrics": dict(trainer.callback_metrics),
    }
    part = folder / f"final{trainer.global_rank}.part"
    torch.save(final, part)
    part.replace(folder / f"final{trainer.global_rank}.pt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    (given.folder / f"pid{os.environ.get('LOCAL_RANK', '0')}").write_text(str(os.getpid()))
    fit(given.folder, given.checkpoints or given.folder / "checkpoints", given.devices, given.workers)
