"""What all runs of the protocol share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, final

from lightning_regkit._checks import non_negative_int, positive_int

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl

__all__ = ["Setup"]


@final
@dataclass(frozen=True)
class Setup:
    """How steps of the protocol run, and where they write.

    Args:
        folder: Where each step writes its JSON file and its picture; None writes nothing.
        callbacks: Of the user's run, which are copied, or what makes one: a class, a function, or a
            ``functools.partial`` of them, of which a search may choose arguments. Noise on batches and
            ``WeightPenalty`` take part in the initial loss, all of them in a search, none elsewhere.
        trainer: Further arguments of every Trainer, such as ``{"accelerator": "cpu"}``.
        seed: Of the order of batches and of the noise, at least 0.
        repeats: How many range tests, at least 1: each in another order of the batches, of which the mean is read.

    Raises:
        TypeError: ``seed`` or ``repeats`` is no integer.
        ValueError: One of them is too small.

    Example:
        >>> Setup(trainer={"accelerator": "cpu"}).folder is None
        True
    """

    folder: str | Path | None = None
    callbacks: "Sequence[pl.Callback | Callable[..., pl.Callback]]" = ()
    trainer: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    repeats: int = 1

    def __post_init__(self) -> None:
        non_negative_int("tuning.Setup", "seed", self.seed)
        positive_int("tuning.Setup", "repeats", self.repeats)

    @property
    def path(self) -> Path | None:
        """The folder as a path, or None."""
        return None if self.folder is None else Path(self.folder)
