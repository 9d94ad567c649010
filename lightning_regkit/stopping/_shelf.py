"""Which of the models saved so far are kept."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

from lightning_regkit._checks import message, positive_int
from lightning_regkit.stopping._rule import Mode

__all__ = ["Keep", "Kept", "Shelf", "check_keep", "place"]

#: How many models are kept: a number of them, or every one.
Keep: TypeAlias = int | Literal["all"]


@final
@dataclass(frozen=True)
class Kept:
    """One saved model.

    Args:
        path: Its file.
        value: The metric; it may be NaN.

    Returns:
        An immutable, hashable value.

    Example:
        >>> Kept("epoch=3.ckpt", 0.9).value
        0.9
    """

    path: str
    value: float


@final
@dataclass(frozen=True)
class Shelf:
    """The models that are kept.

    Args:
        best: The best one, by the rule that stops the run as well; None before there is one.
        others: The rest, better values first, of equal ones the earlier first, NaN last.

    Returns:
        An immutable, hashable value.

    Example:
        >>> Shelf(Kept("epoch=3.ckpt", 0.9), (Kept("epoch=2.ckpt", 0.8),)).paths
        ('epoch=3.ckpt', 'epoch=2.ckpt')
    """

    best: Kept | None = None
    others: tuple[Kept, ...] = ()

    @property
    def all(self) -> tuple[Kept, ...]:
        """The best one first, then the others."""
        return self.others if self.best is None else (self.best, *self.others)

    @property
    def paths(self) -> tuple[str, ...]:
        """Files of all of them, in that order."""
        return tuple(kept.path for kept in self.all)


def check_keep(owner: str, keep: object) -> Keep:
    """Return ``keep`` if it is ``"all"`` or an integer above zero, else raise ``TypeError`` or ``ValueError``."""
    if isinstance(keep, str):
        if keep != "all":
            raise ValueError(message(owner, "keep", "be 'all' or a positive integer", keep))
        return "all"
    return positive_int(owner, "keep", keep)


def place(shelf: Shelf, new: Kept, *, is_best: bool, mode: Mode, keep: Keep) -> Shelf:
    """Put one more model on the shelf, and take off what is one too many.

    Args:
        shelf: Before.
        new: The model.
        is_best: Whether it is the best so far, as ``judge`` says; the best is never taken off.
        mode: ``"min"`` where lower is better, ``"max"`` where higher is.
        keep: Most models on the shelf.

    Returns:
        After: the best, and of the others those with the best values, the earlier of equal ones; without ``new`` if it
        is not worth keeping.

    Example:
        >>> shelf = place(Shelf(), Kept("a", 0.7), is_best=True, mode="max", keep=2)
        >>> shelf = place(shelf, Kept("b", 0.8), is_best=True, mode="max", keep=2)
        >>> place(shelf, Kept("c", 0.75), is_best=False, mode="max", keep=2).paths
        ('b', 'c')
    """
    best = new if is_best else shelf.best
    rest = (shelf.best, *shelf.others) if is_best else (*shelf.others, new)
    ranked = sorted((kept for kept in rest if kept is not None), key=lambda kept: _badness(kept.value, mode))
    room = len(ranked) if keep == "all" else keep - (best is not None)
    return Shelf(best, tuple(ranked[:room]))


def _badness(value: float, mode: Mode) -> tuple[bool, float]:
    if math.isnan(value):
        return True, 0.0
    return False, value if mode == "min" else -value
