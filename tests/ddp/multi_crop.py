"""Script: crops of batches and of lists, on two processes whose shares differ; inside an ensemble too."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit.callbacks import EnsembleCheckpoints, MultiCrop
from lightning_regkit.samplers import ExactDistributedSampler
from tests.callbacks.cropped import SIZED, Pooled, labels, lists, photos
from tests.ddp.support import ddp_trainer, is_clean, write
from tests.support import NUM_CLASSES, Items

#: One process has 5 images in 2 batches, the other 4 in one.
COUNT, BATCH = 9, 4
SIZES = ((12, 16), (12, 12), (16, 12))
KINDS = ("batches", "lists")


class Scored(Pooled):
    """Logs accuracy and loss of what it sees."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.accuracy, self.mean = MulticlassAccuracy(NUM_CLASSES, average="micro"), MeanMetric()

    def score(self, batch: Any) -> None:
        scores, targets = self._evaluate(batch), batch[1]
        self.accuracy(scores, targets)
        self.mean(functional.cross_entropy(scores, targets), weight=len(targets))
        self.log_dict({"accuracy": self.accuracy, "loss": self.mean}, on_epoch=True)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.score(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.score(batch)


def data(kind: str) -> DataLoader[Any]:
    images: list[Tensor] = list(photos(COUNT))
    if kind == "lists":
        images = [photos(COUNT, SIZES[place % len(SIZES)])[place] for place in range(COUNT)]
    items = Items(list(zip(images, labels(COUNT).tolist(), strict=True)))
    collate = lists if kind == "lists" else None
    return DataLoader(items, batch_size=BATCH, sampler=ExactDistributedSampler(items), collate_fn=collate)


def members(folder: Path) -> list[Path]:
    """Write two models, the same on every process, and return the files of this one."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}.ckpt" for seed in (1, 2)]
    for seed, path in enumerate(paths, start=1):
        torch.save({"state_dict": Scored(seed).state_dict()}, path)
    return paths


def evaluated(own: pl.Trainer, crops: MultiCrop, kind: str) -> dict[str, Any]:
    model = Scored()
    found: dict[str, Any] = {}
    (found["test"],) = own.test(model, data(kind), verbose=False)
    found["curve"] = [asdict(row) for row in crops.curve]
    (found["validate"],) = own.validate(model, data(kind), verbose=False)
    outputs: Any = own.predict(model, data(kind))
    assert crops.uncertainty is not None
    assert crops.view_probabilities is not None
    found["scores"] = torch.cat(outputs).tolist()
    found["information"] = crops.uncertainty.mutual_information.tolist()
    found["views"] = crops.view_probabilities.tolist()
    return {**found, "is_clean": is_clean(model)}


def run(make: Any, folder: Path) -> dict[str, Any]:
    """Evaluate everything with Trainers from ``make``; what the test does on one process too."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        crops = MultiCrop(per_view=True, stages=("validate", "test", "predict"), **SIZED)
        found[kind] = evaluated(make(callbacks=[crops]), crops, kind)
    crops, ensemble = MultiCrop(**SIZED), EnsembleCheckpoints(members(folder))
    own = make(callbacks=[crops, ensemble])
    (found["ensemble"],) = own.test(Scored(), data("batches"), verbose=False)
    return {**found, "rank": own.global_rank, "is_drawn": bool(crops.curve)}


def main(folder: Path) -> None:
    found = run(ddp_trainer, folder / str(os.getpid()))
    write(folder, found["rank"], found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
