"""Two processes that see different metrics, or only one of which sees any."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn

from lightning_regkit.callbacks import BestEpochCheckpoint, RecalibrateBatchNorm
from tests.ddp.support import Evaluated, ddp_trainer, weights, write
from tests.support import loader

#: By rank and epoch: the second would go on, and has its best in epoch 3.
VALUES = ((0.5, 0.75, 0.5, 0.5, 0.5, 0.5), (0.1, 0.2, 0.3, 0.9, 0.1, 0.1))


class Disagrees(Evaluated):
    """Logs the values of its rank without synchronizing them, on the ranks it is told."""

    def __init__(self, ranks: tuple[int, ...]) -> None:
        super().__init__()
        self.ranks = ranks

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate(batch)
        self.log("other", float(self.global_rank))
        if self.global_rank in self.ranks:
            self.log("acc", VALUES[self.global_rank][self.current_epoch])


def fit(folder: Path, *ranks: int) -> dict[str, Any]:
    model = Disagrees(ranks)
    callback = BestEpochCheckpoint("acc", patience="2ep", dirpath=folder, filename="{epoch}-{acc:.2f}-{other}")
    run = ddp_trainer(max_epochs=6, callbacks=[callback], enable_checkpointing=True)
    run.fit(model, loader(8), loader(4))
    return {
        "rank": run.global_rank,
        "epochs": run.current_epoch,
        "best_epoch": callback.best_epoch,
        "path": callback.best_model_path,
        "score": callback.best_model_score.item() if callback.best_model_score is not None else None,
        "state": callback._state.plain(),
        "weights": weights(model),
        "files": sorted(path.name for path in folder.iterdir()) if run.is_global_zero else [],
    }


class Terminated(pl.Callback):
    """Signals the second process alone."""

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if trainer.global_rank == 1 and trainer.global_step == 5:
            os.kill(os.getpid(), signal.SIGTERM)


def terminated(folder: Path) -> dict[str, Any]:
    callback = BestEpochCheckpoint("acc", dirpath=folder)
    run = ddp_trainer(max_epochs=6, callbacks=[Terminated(), callback], enable_checkpointing=True)
    with suppress(SIGTERMException):
        run.fit(Disagrees((0,)), loader(8), loader(4))
    return {"files": sorted(path.name for path in folder.iterdir()), "last": callback.last_model_path}


class Normalized(Evaluated):
    """Batch normalization of the very inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 3))


def recalibrated() -> dict[str, Any]:
    model = Normalized()
    ddp_trainer(max_epochs=1, callbacks=[RecalibrateBatchNorm()]).fit(model, loader(8), loader(4))
    layer = model.net[1]
    batches = [batch[0].flatten(1).tolist() for batch in model.seen]
    return {"batches": batches, "mean": layer.running_mean.tolist(), "variance": layer.running_var.tolist()}


def main(folder: Path) -> None:
    found: dict[str, Any] = {
        "statistics": recalibrated(),
        "different": fit(folder / "different", 0, 1),
        "first": fit(folder / "first", 0),
        "second": fit(folder / "second", 1),
    }
    found["terminated"] = terminated(folder / "terminated")
    write(folder, found["first"]["rank"], found)
    fit(folder / "none")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
