"""Script for ``torchrun`` and Slurm: a training run over one host or two, which may be cut off from each other.

``-m tests.ddp.two_hosts FOLDER --hosts N --devices N``. Writes what ``tests.faults.training`` does, in every start.
"""

import argparse
import os
from datetime import timedelta
from pathlib import Path
from typing import Final

import lightning.pytorch as pl
import torch
from lightning.pytorch.strategies import DDPStrategy

from lightning_regkit.callbacks import ExactResume, Mixup, ScheduleLR
from lightning_regkit.plugins import AtomicCheckpointIO
from lightning_regkit.schedules import Cosine
from tests.faults.training import EPOCHS, Network, Rows, loaders

#: How long a process waits for another.
PATIENCE_S: Final = 20


def fit(folder: Path, hosts: int, devices: int) -> None:
    pl.seed_everything(3, verbose=False)
    trainer = pl.Trainer(
        accelerator="cpu",
        num_nodes=hosts,
        devices=devices,
        strategy=DDPStrategy(timeout=timedelta(seconds=PATIENCE_S)),
        max_epochs=EPOCHS,
        accumulate_grad_batches=2,
        callbacks=[Mixup(), ScheduleLR(Cosine()), ExactResume(every="3step", dirpath=folder / "checkpoints")],
        plugins=[AtomicCheckpointIO()],
        logger=Rows(folder / "rows.jsonl"),
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Network()
    trainer.fit(model, *loaders(hosts * devices, workers=0), ckpt_path="last", weights_only=True)
    final = {
        "weights": model.state_dict(),
        "optimizer": trainer.optimizers[0].state_dict(),
        "metrics": dict(trainer.callback_metrics),
    }
    torch.save(final, folder / f"final{trainer.global_rank}.pt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hosts", type=int)
    parser.add_argument("--devices", type=int)
    given = parser.parse_args()
    rank = os.environ.get("RANK", os.environ.get("SLURM_PROCID"))
    (given.folder / f"pid{rank}").write_text(str(os.getpid()))
    fit(given.folder, given.hosts, given.devices)
