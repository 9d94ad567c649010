"""How far validation is from training."""

from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["gaps", "paired_names"]

_PREFIXES: Final = ("train_", "train/", "val_", "val/")
#: Lightning's names for what is logged both ways; the plain name is there too.
_FORKS: Final = ("_step", "_epoch")


def paired_names(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Find what is logged both as ``train_NAME`` or ``train/NAME``, and as ``val_NAME`` or ``val/NAME``.

    Args:
        names: What is logged.

    Returns:
        By NAME, sorted, both full names; without those that end in ``_step`` or ``_epoch``.

    Example:
        >>> paired_names(["val_loss", "train_loss", "val_acc", "lr"])
        {'loss': ('train_loss', 'val_loss')}
    """
    found: dict[str, dict[str, str]] = {"train": {}, "val": {}}
    for name in sorted(names):
        for prefix in _PREFIXES:
            if name.startswith(prefix) and not name.endswith(_FORKS):
                found[prefix[:-1]].setdefault(name.removeprefix(prefix), name)
    return {name: (full, found["val"][name]) for name, full in found["train"].items() if name in found["val"]}


def gaps(metrics: Mapping[str, float], pairs: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """Return validation minus training of each pair of which both are there.

    Of a loss a gap above 0 says that the network knows the training set better, of an accuracy one below 0.

    Args:
        metrics: Values by name.
        pairs: Names for training and for validation, by the name of the gap.

    Returns:
        The differences, by the name of the gap.

    Example:
        >>> gaps({"train_loss": 0.5, "val_loss": 0.75}, {"loss": ("train_loss", "val_loss"), "acc": ("a", "b")})
        {'loss': 0.25}
    """
    both = {name: pair for name, pair in pairs.items() if set(pair) <= metrics.keys()}
    return {name: metrics[validation] - metrics[training] for name, (training, validation) in both.items()}
