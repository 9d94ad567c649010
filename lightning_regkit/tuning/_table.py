"""All trials of all searches in one table."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from lightning_regkit._files import write_whole
from lightning_regkit.tuning._space import Value

__all__ = ["Row", "write_table"]

COLUMNS: Final = ("search", "number", "state", "seed", "lr", "weight_decay", "epochs", "best", "best_epoch")


@final
@dataclass(frozen=True)
class Row:
    """One trial.

    Args:
        search: Name of its search.
        number: Of the trial in it.
        state: ``"complete"``, ``"pruned"``, ``"failed"`` or ``"running"``.
        seed: Of the run.
        values: Of the hyperparameters.
        epochs: That it ran.
        best: The monitored metric at its best; None before the first epoch.
        best_epoch: 1-based.
        samples_per_second: In training, with loading and validation.
        curves: Of the metrics, by epoch.

    Example:
        >>> Row("coarse", 0, "complete", 0, {"lr": 0.1}, 3, 0.9, 2).values["lr"]
        0.1
    """

    search: str
    number: int
    state: str
    seed: int
    values: Mapping[str, Value]
    epochs: int = 0
    best: float | None = None
    best_epoch: int | None = None
    samples_per_second: float | None = None
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write ``trials.csv`` whole: the columns every search has, then further hyperparameters by name.

    Args:
        path: Of the table.
        rows: In order.
    """
    further = sorted({name for row in rows for name in row.values} - set(COLUMNS))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "samples_per_second", *further])
    for row in rows:
        known: dict[str, object] = {**row.values, **vars(row)}
        speed = "" if row.samples_per_second is None else f"{row.samples_per_second:.1f}"
        cells = [known.get(name) for name in COLUMNS]
        writer.writerow(["" if cell is None else cell for cell in [*cells, speed, *map(known.get, further)]])
    write_whole(path, text.getvalue().encode())
