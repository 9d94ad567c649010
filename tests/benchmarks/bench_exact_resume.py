"""Being ready to resume, and resuming in the middle of an epoch: ``ExactResume`` against Lightning's own, and neither.

``ModelCheckpoint`` at its best writes in a thread, by ``AsyncCheckpointIO``. Lightning's own resume trains on, but from
the beginning of the data.
"""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import AsyncCheckpointIO
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from lightning_regkit.callbacks import ExactResume
from lightning_regkit.samplers import ResumableSampler
from recipes.networks import resnet20_small
from tests.benchmarks.harness import Comparison, new_folder, quiet
from tests.support import Classifier, trainer

SIDE_PX, BATCH = 8, 8
SAVES = 4
THREADS = 1
Make = Callable[[], nn.Module]


class Quiet(Classifier):
    """The classifier of the tests around any network, without its memory of batches."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(lr=0.01)
        self.net = net

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.seen.clear()
        return loss


def comparisons(*, tiny: bool) -> list[Comparison]:
    steps, rounds, warmup = (4, 1, 0) if tiny else (100, 11, 1)
    linear = partial(nn.Sequential, nn.Flatten(), nn.Linear(SIDE_PX * SIDE_PX, 3))
    resnet = partial(resnet20_small, num_classes=3, in_chans=1)
    return [
        Comparison(f"{name}: {case}", ours, peer, rounds, warmup, against)
        for name, make in (("a linear layer", linear), ("resnet20_small", resnet))
        for case, ours, peer, against in (*_saves(make, steps), _resumes(make, steps))
    ]


def _saves(make: Make, steps: int) -> list[Any]:
    fit, folder = partial(_fit, make, steps), new_folder()
    every = steps // SAVES
    none = partial(fit, lambda: [ExactResume(None, on_sigterm=False)])
    ours = partial(fit, lambda: [ExactResume(f"{every}step", on_sigterm=False, dirpath=folder)])
    peer = partial(fit, lambda: [ModelCheckpoint(new_folder(), every_n_train_steps=every)])
    return [
        ("a fit between saves / without", none, fit, "nothing"),
        (f"a fit that saves {SAVES} times / ModelCheckpoint in a thread", ours, partial(peer, in_thread=True), "best"),
        (f"a fit that saves {SAVES} times / ModelCheckpoint", ours, peer, "default"),
    ]


def _resumes(make: Make, steps: int) -> Any:
    """Resume half of an epoch from a file saved in its middle."""
    folder, other, half = new_folder(), new_folder(), steps // 2
    _fit(make, steps, lambda: [ExactResume(f"{half}step", on_sigterm=False, dirpath=folder)], max_steps=half)
    _fit(make, steps, lambda: [ModelCheckpoint(other, "plain", every_n_train_steps=half)], max_steps=half)
    ours = partial(_fit, make, steps, lambda: [ExactResume(None, on_sigterm=False)], folder / "resume.ckpt")
    peer = partial(_fit, make, steps, list, other / "plain.ckpt")
    return "resuming and half an epoch / Lightning's own", ours, peer, "best"


@quiet()
def _fit(
    make: Make,
    steps: int,
    callbacks: Any = list,
    file: Path | None = None,
    *,
    in_thread: bool = False,
    **options: Any,
) -> pl.Trainer:
    data = TensorDataset(torch.randn(steps * BATCH, 1, SIDE_PX, SIDE_PX), torch.arange(steps * BATCH) % 3)
    listed = callbacks()
    is_ours = any(isinstance(each, ExactResume) for each in listed)
    loader = DataLoader(data, BATCH, sampler=ResumableSampler(data) if is_ours else RandomSampler(data))
    plugins = [AsyncCheckpointIO()] if in_thread else []
    running = trainer(max_epochs=1, callbacks=listed, enable_checkpointing=bool(listed), plugins=plugins, **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended before the epoch")
        warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`")
        running.fit(Quiet(make()), loader, ckpt_path=file, weights_only=True if file else None)
    return running
