"""Which of the metrics that a module logs are curves to look at."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["curve_names"]

STAGES: Final = {"train": {"train", "training"}, "val": {"dev", "eval", "val", "valid", "validation"}}
QUANTITIES: Final = {"loss": {"loss"}, "acc": {"acc", "acc1", "accuracy", "top1"}}
#: The training loss is measured, not looked for.
CURVES: Final = (("val", "loss"), ("train", "acc"), ("val", "acc"))


def curve_names(metrics: Iterable[str]) -> dict[str, str]:
    """Find the validation loss and both accuracies by the words of their names, whatever is between them.

    Args:
        metrics: As logged: ``val_loss``, ``valid/loss``, ``train_acc_epoch``. Those of single steps are left out.

    Returns:
        By ``"val_loss"``, ``"train_acc"`` and ``"val_acc"``: the one that is called so, else the shortest name; those
        that were found.

    Example:
        >>> curve_names(["valid/loss", "valid/accuracy", "lr", "train_loss"])
        {'val_loss': 'valid/loss', 'val_acc': 'valid/accuracy'}
    """
    words = {name: set(re.split(r"[^a-z0-9]+", name.lower())) for name in metrics}
    found = {}
    for stage, quantity in CURVES:
        curve = f"{stage}_{quantity}"
        fitting = [
            name
            for name, parts in words.items()
            if parts & STAGES[stage] and parts & QUANTITIES[quantity] and "step" not in parts
        ]
        if fitting:
            found[curve] = curve if curve in fitting else min(fitting, key=lambda name: (len(name), name))
    return found
