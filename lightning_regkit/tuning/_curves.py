"""Curves of one run, as they are logged."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curves"]

OWNER: Final = "tuning.Curves"


@final
@dataclass(frozen=True)
class Curves:
    """A value for each epoch, or each other check; all curves on one clock.

    Args:
        train_loss: Mean over the epoch.
        val_loss: At its end.
        train_acc: In [0, 1].
        val_acc: In [0, 1].

    Raises:
        ValueError: ``train_loss`` is empty, another curve is of another length, or an accuracy is outside [0, 1].

    Example:
        >>> Curves(train_loss=(2.0, 1.0)).val_loss
        ()
    """

    train_loss: tuple[float, ...]
    val_loss: tuple[float, ...] = ()
    train_acc: tuple[float, ...] = ()
    val_acc: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            if (
                len(values) not in {len(self.train_loss), 0 if name != "train_loss" else len(values)}
                or not self.train_loss
            ):
                condition = f"hold as many values as train_loss, {len(self.train_loss)}, at least 1"
                raise ValueError(message(OWNER, name, condition, len(values)))
        for name in ("train_acc", "val_acc"):
            if any(math.isfinite(value) and not 0 <= value <= 1 for value in vars(self)[name]):
                raise ValueError(message(OWNER, name, "be in [0, 1]", max(vars(self)[name]), "Divide percents by 100."))

    def draw(self, axes: "Axes") -> None:
        """Draw those that are there."""
        for name, values in vars(self).items():
            if values:
                axes.plot(range(1, len(values) + 1), values, label=name)
        axes.set(xlabel="epoch", title="curves of a run")
        axes.legend()
