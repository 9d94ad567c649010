"""Curves of one run, as they are logged."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from lightning_regkit._checks import message
from lightning_regkit.tuning._smooth import smooth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curves"]

OWNER: Final = "tuning.Curves"
COLORS: Final = {"train_loss": "#b3541e", "val_loss": "#a8324a", "train_acc": "#2a8290", "val_acc": "#1f5fa8"}


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

    @property
    def reach(self) -> int:
        """Neighbors on each side over which curves are averaged: a twentieth of their length, at least 1."""
        return max(1, len(self.train_loss) // 20)

    def draw(self, axes: "Axes") -> None:
        """Draw those that are there, smoothed, over what was logged: losses on the left, accuracies on the right."""
        right = axes.twinx() if self.train_acc or self.val_acc else axes
        drawn = {name: values for name, values in vars(self).items() if values}
        lines = []
        for name, values in drawn.items():
            side, epochs = right if name.endswith("acc") else axes, range(1, len(values) + 1)
            side.plot(epochs, values, color=COLORS[name], alpha=0.25)
            lines += side.plot(epochs, smooth(values, self.reach), color=COLORS[name], label=name)
        axes.set(xlabel="epoch", ylabel="loss", title=f"curves of a run, means over {2 * self.reach + 1} epochs")
        if right is not axes:
            right.set(ylabel="accuracy")
        axes.legend(handles=lines)
