"""Script: snapshot runs of two processes, tested by both with shares that differ."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import SnapshotEnsemble
from lightning_regkit.samplers import ExactDistributedSampler
from tests.callbacks.ensembles import Scored
from tests.ddp.support import ddp_trainer, weights, write
from tests.support import images

#: Samples, batch size: one process has 5 samples in 2 batches, the other 4 in one.
COUNT, BATCH = 9, 4
CYCLES = 3


def exact() -> DataLoader[Any]:
    data = TensorDataset(*images(COUNT))
    return DataLoader(data, batch_size=BATCH, sampler=ExactDistributedSampler(data))


class Starts(pl.Callback):
    """Keeps the weights with which each batch begins."""

    def __init__(self) -> None:
        self.weights: list[list[float]] = []

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.weights.append(weights(pl_module))


def run(folder: Path, control: str | None) -> dict[str, Any]:
    model, starts, snapshots = Scored(1), Starts(), SnapshotEnsemble(CYCLES, folder, control=control)
    own = ddp_trainer(max_epochs=3, callbacks=[snapshots, starts])
    torch.manual_seed(own.global_rank)  # ranks at different places of their streams
    own.fit(model, DataLoader(TensorDataset(*images(8)), batch_size=2))
    model.outputs.clear()
    (metrics,) = own.test(model, exact(), verbose=False)
    found = {"curve": [asdict(row) for row in snapshots.curve], "metrics": metrics, "starts": starts.weights}
    outputs = own.predict(model, exact())
    assert snapshots.uncertainty is not None
    found["logits"] = torch.cat(outputs).tolist()
    found["information"] = snapshots.uncertainty.mutual_information.tolist()
    return {**found, "rank": own.global_rank, "members": snapshots.state_dict()["members"]}


def main(folder: Path) -> None:
    found = {name: run(folder / name, None if name == "plain" else name) for name in ("plain", "single_cycle")}
    write(folder, found["plain"]["rank"], found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
