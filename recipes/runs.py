"""One run of what the quickstart compares."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import lightning.pytorch as pl
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import TensorBoardLogger
from typing_extensions import override

from recipes.classifier import ImageClassifier
from recipes.comparison import Run
from recipes.data import DigitsData
from recipes.data.digits import NUM_CLASSES
from recipes.variants import BATCH_SIZE, Settings, Variant

__all__ = ["Recorder", "train"]


@final
class Recorder(pl.Callback):
    """Keeps the validation error of each epoch in percent, and says when an epoch is over."""

    def __init__(self, epoch_is_over: Callable[[], None]) -> None:
        self.val_errors: list[float] = []
        self.epoch_is_over = epoch_is_over

    @override
    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.val_errors.append(100 * (1 - float(trainer.callback_metrics["val_acc"])))
        self.epoch_is_over()


def train(
    variant: Variant, seed: int, settings: Settings, epoch_is_over: Callable[[], None] = lambda: None
) -> tuple[Run, ...]:
    """Train one variant with one seed, then test what it ends with: by itself, and under each of its retests.

    Args:
        variant: What to train.
        seed: Seed of everything; equal seeds give equal runs on one machine.
        settings: What all runs share.
        epoch_is_over: Called after each epoch.

    Returns:
        What came out, then what came out of each retest, which has no curves; the rates are those that
        ``LearningRateMonitor`` logged.
    """
    pl.seed_everything(seed, verbose=False)
    optimizer = {"name": "momentum", "lr": variant.lr, "weight_decay": 5e-4}
    model = ImageClassifier("resnet20_small", NUM_CLASSES, optimizer, model_options={"in_chans": 1})
    data = DigitsData(train_size=settings.train_size, batch_size=BATCH_SIZE, seed=seed)
    monitor, recorder = LearningRateMonitor(logging_interval="step"), Recorder(epoch_is_over)
    folder = _fresh_folder(settings.out / "members" / variant.name / f"seed-{seed}")
    trainer = _trainer(
        max_epochs=settings.epochs,
        callbacks=[*variant.callbacks(folder), monitor, recorder],
        logger=_fresh_logger(settings.out / "tensorboard", variant.name, f"seed-{seed}"),
        log_every_n_steps=1,
    )
    trainer.fit(model, data)
    rates = tuple(next(iter(monitor.lrs.values())))  # all groups have the same
    run = Run(variant.name, seed, _test_error(trainer, model, data), rates, tuple(recorder.val_errors))
    return run, *(
        Run(retest.name, seed, _test_error(_trainer(callbacks=retest.callbacks(), logger=False), model, data))
        for retest in variant.retests
    )


def _trainer(**options: Any) -> pl.Trainer:
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def _test_error(trainer: pl.Trainer, model: pl.LightningModule, data: pl.LightningDataModule) -> float:
    (metrics,) = trainer.test(model, data, verbose=False)
    return 100 * (1 - metrics["test_acc"])


def _fresh_folder(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)  # members of another run
    return folder


def _fresh_logger(directory: Path, name: str, version: str) -> TensorBoardLogger:
    for old in (directory / name / version).glob("events.out.tfevents.*"):
        old.unlink()  # TensorBoard would draw both runs as one curve
    return TensorBoardLogger(directory, name, version)
