"""What the quickstart compares, and one run of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import lightning.pytorch as pl
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import TensorBoardLogger
from typing_extensions import override

import lightning_regkit as rk
from recipes.classifier import ImageClassifier
from recipes.comparison import Run
from recipes.data import DigitsData
from recipes.data.digits import NUM_CLASSES

__all__ = ["NOISES", "VARIANTS", "Recorder", "Settings", "Variant", "train"]


@final
@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Args:
        name: What the row is called.
        lr: Peak learning rate of momentum SGD.
        callbacks: Makes the callbacks of one run; they are in the Trainer in training and in the test.
    """

    name: str
    lr: float
    callbacks: Callable[[], list[pl.Callback]]


def _with_cosine(*noise: Callable[[], pl.Callback]) -> Callable[[], list[pl.Callback]]:
    return lambda: [rk.callbacks.ScheduleLR(rk.schedules.Cosine(), warmup="0.05run"), *(make() for make in noise)]


# Peak rates tried, each with the validation error in percent that came out: means of seeds 10 to 19.
# plain        0.01: 13.3   0.03: 11.3   0.1: 11.2   0.2: 12.7   0.3: 14.7
# regularized               0.03:  8.2   0.1:  7.8   0.2:  8.6   0.3:  8.5
# Of the regularizers alone, at 0.1: schedule 12.4, schedule and mixup 9.2, schedule and cutout 8.5.
VARIANTS = (
    Variant("plain", 0.1, list),
    Variant("regularized", 0.1, _with_cosine(rk.callbacks.Mixup, rk.callbacks.Cutout)),
)

# Each noise with its defaults, at the peak rate that was best for mixup with cutout.
NOISES = (
    Variant("cosine", 0.1, _with_cosine()),
    Variant("mixup", 0.1, _with_cosine(rk.callbacks.Mixup)),
    Variant("cutmix", 0.1, _with_cosine(rk.callbacks.CutMix)),
    Variant(
        "mixup or cutmix", 0.1, _with_cosine(lambda: rk.callbacks.OneOf([rk.callbacks.Mixup(), rk.callbacks.CutMix()]))
    ),
    Variant("cutout", 0.1, _with_cosine(rk.callbacks.Cutout)),
    Variant("random erasing", 0.1, _with_cosine(rk.callbacks.RandomErasing)),
    Variant("mixup and cutout", 0.1, _with_cosine(rk.callbacks.Mixup, rk.callbacks.Cutout)),
)


@final
@dataclass(frozen=True)
class Settings:
    """What all runs share.

    Args:
        seeds: How many seeds: 0, 1, ... Each decides the split, the initial weights, the order and the noise.
        epochs: Passes over the training images.
        train_size: Training images.
        out: Directory for everything that is written.

    Raises:
        ValueError: A number is below 1.
    """

    seeds: int = 3
    epochs: int = 100
    train_size: int = 100
    out: Path = Path("quickstart-out")

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        for name in ("seeds", "epochs"):
            if (value := vars(self)[name]) < 1:
                raise ValueError(f"quickstart: {name} must be at least 1, got {value!r}.")
        DigitsData(self.train_size)


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


def train(variant: Variant, seed: int, settings: Settings, epoch_is_over: Callable[[], None]) -> Run:
    """Train one variant with one seed, then test the weights of the last epoch.

    Args:
        variant: What to train.
        seed: Seed of everything; equal seeds give equal runs on one machine.
        settings: What all runs share.
        epoch_is_over: Called after each epoch.

    Returns:
        What came out; the rates are those that ``LearningRateMonitor`` logged.
    """
    pl.seed_everything(seed, verbose=False)
    optimizer = {"name": "momentum", "lr": variant.lr, "weight_decay": 5e-4}
    model = ImageClassifier("resnet20_small", NUM_CLASSES, optimizer, model_options={"in_chans": 1})
    data = DigitsData(train_size=settings.train_size, batch_size=25, seed=seed)
    monitor, recorder = LearningRateMonitor(logging_interval="step"), Recorder(epoch_is_over)
    trainer = pl.Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=settings.epochs,
        callbacks=[*variant.callbacks(), monitor, recorder],
        logger=_fresh_logger(settings.out / "tensorboard", variant.name, f"seed-{seed}"),
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, data)
    rates = next(iter(monitor.lrs.values()))  # all groups have the same
    (metrics,) = trainer.test(model, data, verbose=False)
    return Run(variant.name, seed, 100 * (1 - metrics["test_acc"]), tuple(rates), tuple(recorder.val_errors))


def _fresh_logger(directory: Path, name: str, version: str) -> TensorBoardLogger:
    for old in (directory / name / version).glob("events.out.tfevents.*"):
        old.unlink()  # TensorBoard would draw both runs as one curve
    return TensorBoardLogger(directory, name, version)
