"""Runs that are killed in the middle of writing a checkpoint, and go on; a process of its own.

``python -m tests.callbacks.killed_best_epoch FOLDER WRITE WRITE ...`` kills one run in each of these writes.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import ExactResume
from lightning_regkit.plugins import AtomicCheckpointIO
from lightning_regkit.samplers import ResumableSampler
from tests.callbacks.best_epoch import Watched, best
from tests.support import images, loader, trainer

SYNC = os.fsync


def train(folder: Path) -> Watched:
    """Begin a run, or go on with it."""
    data = TensorDataset(*images(10))
    model, callback = Watched(), best(folder, keep=2, patience="4ep")
    callbacks = [callback, ExactResume(dirpath=folder)]
    run = trainer(max_epochs=8, callbacks=callbacks, enable_checkpointing=True, plugins=[AtomicCheckpointIO()])
    train_loader = DataLoader(data, batch_size=2, sampler=ResumableSampler(data))
    run.fit(model, train_loader, loader(4), ckpt_path="last", weights_only=True)
    return model


def train_and_die(folder: Path, write: int) -> None:
    """Be killed when a file has been written under its hidden name and not yet renamed."""
    count = 0

    def sync(fd: Any) -> None:
        nonlocal count
        count += not os.path.isdir(f"/proc/self/fd/{fd}")
        if count == write:
            os.kill(os.getpid(), signal.SIGKILL)
        SYNC(fd)

    os.fsync = sync
    train(folder)


def main(folder: Path, writes: list[int]) -> None:
    for write in writes:
        child = os.fork()
        if not child:
            train_and_die(folder / str(write), write)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(write) for write in sys.argv[2:]])
