"""What a series is, by its name."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

__all__ = ["Average", "Quantity", "Role", "Stage", "average_of", "role"]


@final
class Stage(StrEnum):
    """Which data a number is of."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@final
class Quantity(StrEnum):
    """What a number measures."""

    LOSS = "loss"
    ACCURACY = "accuracy"
    RATE = "learning rate"
    MOMENTUM = "momentum"
    WEIGHT_DECAY = "weight decay"


@final
@dataclass(frozen=True)
class Role:
    """What a series is.

    Args:
        quantity: What it measures.
        stage: On which data; None for what the optimizer does.

    Example:
        >>> Role(Quantity.LOSS, Stage.TRAINING).stage.value
        'training'
    """

    quantity: Quantity
    stage: Stage | None = None


@final
@dataclass(frozen=True)
class Average:
    """What ``SnapshotEnsemble`` or ``MultiCrop`` logged of an average over some members or views.

    Args:
        kind: ``"ensemble"`` or ``"multicrop"``.
        measure: What of it, such as ``"accuracy"``.
        count: Over how many members or views.
        loader: Which of several loaders; None if there was one.

    Example:
        >>> Average("multicrop", "nll", 10, None).count
        10
    """

    kind: str
    measure: str
    count: int
    loader: int | None


STAGES: Final = {
    Stage.TEST: {"test"},
    Stage.VALIDATION: {"dev", "eval", "val", "valid", "validation"},
    Stage.TRAINING: {"train", "training"},
}
ACCURACIES: Final = {"acc", "acc1", "accuracy", "top1"}
#: Words of figures that may name a layer, a loss or an accuracy, and are none: those of ``CommandCenter`` among them.
FIGURES: Final = {"dead", "gap", "norm", "ratio", "saturated"}
#: The options of optimizers that have a series of their own.
OPTIONS: Final = {"momentum": Quantity.MOMENTUM, "weight_decay": Quantity.WEIGHT_DECAY}
AVERAGE: Final = re.compile(r"(ensemble|multicrop)/([a-z]+)_(?:last_)?(\d+)(?:/dataloader_idx_(\d+))?")


def role(name: str) -> Role | None:
    """Tell what a series is by the words of its name, whatever is between them.

    Args:
        name: As logged: ``val_loss``, ``Loss/train``, ``accuracy``, ``lr-SGD``, ``lr-SGD-momentum``.

    Returns:
        Its role, of training where no stage is named; None for anything that is no loss, accuracy or rate.

    Example:
        >>> role("valid/acc") == Role(Quantity.ACCURACY, Stage.VALIDATION), role("grad_norm")
        (True, None)
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    if FIGURES & set(words):
        return None
    scheduled = _scheduled(name.lower(), words)
    if scheduled is not None:
        return Role(scheduled)
    stage = next((stage for stage, named in STAGES.items() if named & set(words)), Stage.TRAINING)
    if "loss" in words:
        return Role(Quantity.LOSS, stage)
    return Role(Quantity.ACCURACY, stage) if ACCURACIES & set(words) else None


def average_of(name: str) -> Average | None:
    """Tell of which average a series is.

    Args:
        name: As logged: ``ensemble/accuracy_last_4``, ``multicrop/nll_10/dataloader_idx_1``.

    Returns:
        The average; None for anything else.

    Example:
        >>> average_of("ensemble/ece_last_3")
        Average(kind='ensemble', measure='ece', count=3, loader=None)
    """
    found = AVERAGE.fullmatch(name)
    if found is None:
        return None
    kind, measure, count, loader = found.groups()
    return Average(kind, measure, int(count), None if loader is None else int(loader))


def _scheduled(name: str, words: list[str]) -> Quantity | None:
    alone = next((quantity for option, quantity in OPTIONS.items() if option in name.split("/")), None)
    if alone is not None or not ("lr" in words or {"learning", "rate"} <= set(words)):
        return alone
    # LearningRateMonitor: lr-SGD, lr-SGD/pg1, lr-SGD-momentum, lr-SGD-weight_decay
    return next((quantity for option, quantity in OPTIONS.items() if option in name), Quantity.RATE)
