"""What the tests of ensembles share: a module that logs its own metrics, models on disk, means taken by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from tests.support import NUM_CLASSES, SIDE_PX, Classifier, images, trainer

COUNT, BATCH = 10, 4


class Scored(Classifier):
    """Batch statistics; logs accuracy and loss in its own test step, which knows of no ensemble."""

    def __init__(self, seed: int = 0, lr: float = 0.1) -> None:
        torch.manual_seed(seed)
        super().__init__(lr=lr, momentum=0.9)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX**2, NUM_CLASSES), nn.BatchNorm1d(NUM_CLASSES))
        self.accuracy = MulticlassAccuracy(NUM_CLASSES, average="micro")
        self.mean = MeanMetric()
        self.outputs: list[Tensor] = []

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.score(batch)

    def score(self, batch: Any) -> None:
        inputs, targets = batch
        logits = self._evaluate(batch)
        self.accuracy(logits, targets)
        self.mean(functional.cross_entropy(logits, targets), weight=len(inputs))
        self.log("accuracy", self.accuracy, on_epoch=True)
        self.log("loss", self.mean, on_epoch=True)


class Checked(Scored):
    """Has a validation loop too; Lightning warns about one that gets no data."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.score(batch)


def data(count: int = COUNT, batch_size: int = BATCH) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*images(count)), batch_size=batch_size)


def trained(folder: Path, count: int = 3) -> list[Path]:
    """Train ``count`` models apart and return their Lightning checkpoints."""
    paths = []
    for seed in range(count):
        run = trainer(max_epochs=2)
        run.fit(Scored(seed), data())
        paths.append(folder / f"{seed}.ckpt")
        run.save_checkpoint(paths[-1])
    return paths


def separate_tests(
    weights: Sequence[dict[str, Tensor]], loader: DataLoader[Any] | None = None, **options: Any
) -> list[Tensor]:
    """Run ``trainer.test`` once for each and return the softmax (N, K) that its module saw."""
    found = []
    for each in weights:
        model = Scored(99)
        model.load_state_dict(each)
        trainer(**options).test(model, loader or data(), verbose=False)
        found.append(torch.cat(model.outputs).float().softmax(-1))
    return found


def evaluate(
    callback: pl.Callback, loader: DataLoader[Any] | None = None, **options: Any
) -> tuple[Any, dict[str, float]]:
    """Test a fresh module with the callback; return the module and what was logged."""
    model = Scored(99)
    (metrics,) = trainer(callbacks=[callback], **options).test(model, loader or data(), verbose=False)
    return model, dict(metrics)


def lines(caplog: pytest.LogCaptureFixture, owner: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith(owner)]
