"""A classifier whose metric is a table, for the tests of the best epoch."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from lightning_regkit.callbacks import BestEpochCheckpoint
from tests.support import Classifier, loader, trainer

#: The best is that of epoch 1; every value after it is worse.
VALUES = (0.5, 0.7, 0.6, 0.65, 0.6, 0.3, 0.2, 0.1)


class Watched(Classifier):
    """Logs the value of the epoch as ``acc`` where it is told to; remembers the weights of every validation."""

    def __init__(self, values: tuple[float, ...] = VALUES, where: str = "validation") -> None:
        torch.manual_seed(0)
        super().__init__(momentum=0.9)
        self.values, self.where = values, where
        self.validated: list[dict[str, Tensor]] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        if self.where == "training":
            self.log("acc", self.values[self.current_epoch], on_step=False, on_epoch=True)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        if self.where == "validation":
            self.log("acc", self.values[self.current_epoch])
        self.log("other", 1.0)
        if batch_idx == 0 and not self.trainer.sanity_checking:
            self.validated.append(copied(self))

    def on_train_epoch_end(self) -> None:
        if self.where == "hook":
            self.log("acc", self.values[self.current_epoch])

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate(batch)


def copied(module: pl.LightningModule) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def is_equal(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def weights_in(path: str | Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return weights


def fit(model: pl.LightningModule, *callbacks: pl.Callback, ckpt_path: Any = None, **options: Any) -> pl.Trainer:
    """Train at most eight epochs of five steps, with a validation each, and return the Trainer."""
    ours = trainer(
        max_epochs=options.pop("max_epochs", 8), callbacks=[*callbacks], enable_checkpointing=True, **options
    )
    ours.fit(model, loader(), loader(4), ckpt_path=ckpt_path, weights_only=None if ckpt_path is None else True)
    return ours


def best(folder: Path, **options: Any) -> BestEpochCheckpoint:
    return BestEpochCheckpoint("acc", **{"patience": "2ep", "dirpath": folder, **options})
