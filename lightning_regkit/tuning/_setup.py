"""What all runs of the protocol share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, final

from lightning_regkit._checks import non_negative_int

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl

__all__ = ["Setup"]


@final
@dataclass(frozen=True)
class Setup:
    """How steps of the protocol run, and where they write.

    Args:
        folder: Where each step writes its JSON file and its picture; None writes nothing.
        callbacks: Of the user's run. They are copied: noise on batches and ``WeightPenalty`` take part in the initial
            loss, all of them in a search, none elsewhere.
        trainer: Further arguments of every Trainer, such as ``{"accelerator": "cpu"}``.
        seed: Of the order of batches and of the noise, at least 0.

    Raises:
        TypeError: ``seed`` is no integer.
        ValueError: It is below 0.

    Example:
        >>> Setup(trainer={"accelerator": "cpu"}).folder is None
        True
    """

    folder: str | Path | None = None
    callbacks: "Sequence[pl.Callback]" = ()
    trainer: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        non_negative_int("tuning.Setup", "seed", self.seed)

    @property
    def path(self) -> Path | None:
        """The folder as a path, or None."""
        return None if self.folder is None else Path(self.folder)
