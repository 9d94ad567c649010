"""What the quickstart compares."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

import lightning.pytorch as pl

import lightning_regkit as rk
from recipes.data import DigitsData

__all__ = ["BATCH_SIZE", "NOISES", "VARIANTS", "Retest", "Settings", "Variant"]

BATCH_SIZE: Final = 25
NUM_CYCLES: Final = 4

#: Makes the callbacks of one run, which may write to a folder of its own.
Callbacks: TypeAlias = Callable[[Path], list[pl.Callback]]


@final
@dataclass(frozen=True)
class Retest:
    """A further row of the table: the weights of a variant's run, tested once more.

    Args:
        name: What the row is called.
        callbacks: Makes the callbacks of that test.
    """

    name: str
    callbacks: Callable[[], list[pl.Callback]]


@final
@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Args:
        name: What the row is called.
        lr: Peak learning rate of momentum SGD.
        callbacks: Makes the callbacks of one run; they are in the Trainer in training and in the test.
        retests: What else is tested of the same weights, without training again.
    """

    name: str
    lr: float
    callbacks: Callbacks
    retests: tuple[Retest, ...] = ()


def _with_cosine(*noise: Callable[[], pl.Callback]) -> Callbacks:
    return lambda _: [rk.callbacks.ScheduleLR(rk.schedules.Cosine(), warmup="0.05run"), *(make() for make in noise)]


def _with_snapshots(*noise: Callable[[], pl.Callback]) -> Callbacks:
    return lambda folder: [
        rk.callbacks.SnapshotEnsemble(NUM_CYCLES, folder, warmup="0.05run"),
        *(make() for make in noise),
    ]


#: The image and two shifts by a pixel. No reflections: hardly any digit is one when it is reflected.
SHIFTS: Final = Retest(
    "with shifts",
    lambda: [rk.callbacks.MultiCrop(rk.crops.Layout("shifts", is_reflected=False), curve=False)],
)

# Peak rates tried, each with the validation error in percent that came out: means of seeds 10 to 19.
# plain        0.01: 13.3   0.03: 11.3   0.1: 11.2   0.2: 12.7   0.3: 14.7
# regularized               0.03:  8.2   0.1:  7.8   0.2:  8.6   0.3:  8.5
# Of the regularizers alone, at 0.1: schedule 12.4, schedule and mixup 9.2, schedule and cutout 8.5.
# snapshots, 2 cycles                  0.1:  8.3   0.2:  8.1
#            3 cycles                  0.1:  8.3
#            4 cycles                  0.1:  8.2   0.2:  7.8
VARIANTS = (
    Variant("plain", 0.1, lambda _: []),
    Variant("regularized", 0.1, _with_cosine(rk.callbacks.Mixup, rk.callbacks.Cutout), (SHIFTS,)),
    Variant("snapshots", 0.2, _with_snapshots(rk.callbacks.Mixup, rk.callbacks.Cutout)),
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
        ValueError: A number is below 1, or the runs have fewer steps than cycles.
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
        if (steps := self.epochs * math.ceil(self.train_size / BATCH_SIZE)) < NUM_CYCLES:
            raise ValueError(f"quickstart: epochs must make at least {NUM_CYCLES} steps, one a cycle, got {steps}.")
