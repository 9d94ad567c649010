"""A run as it was logged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from lightning_regkit.report._series import Series

__all__ = ["Run", "Table"]


@final
@dataclass(frozen=True)
class Table:
    """A table of texts.

    Args:
        columns: Headings.
        rows: One text for each column.

    Example:
        >>> Table(("lr", "val_acc"), (("0.1", "0.93"),)).columns
        ('lr', 'val_acc')
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@final
@dataclass(frozen=True)
class Run:
    """What the files of one run say.

    Args:
        name: What tells it from the other runs of a report.
        series: What was logged, by name.
        config: Settings by dotted name, as text.
        is_whole: Whether ``config`` holds all there is to set, as ``config.yaml`` of LightningCLI does.
        trials: The table of a search that is in the same folder; None if there is none.

    Returns:
        An immutable value.

    Example:
        >>> Run("version_0", {"val_loss": Series((1,), (0.5,))}).series["val_loss"].values
        (0.5,)
    """

    name: str
    series: Mapping[str, Series]
    config: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = False
    trials: Table | None = None

    def epoch_at(self, step: int) -> int | None:
        """Return the epoch that was logged at ``step``, or last before; None where none was."""
        epochs = self.series["epoch"].finite if "epoch" in self.series else ()
        before = [point.value for point in epochs if point.step <= step]
        return int(before[-1]) if before else None
