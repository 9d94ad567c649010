"""Tables with commas: what CSVLogger writes, and trials of a search."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from lightning_regkit._checks import message
from lightning_regkit.report._run import Table
from lightning_regkit.report._series import Series, in_order

__all__ = ["read_metrics", "read_table"]

#: Columns that say when, the first one there counts.
CLOCKS = ("step", "global_step", "epoch")


def read_metrics(path: Path) -> dict[str, Series]:
    """Read a series from each column of numbers but the one of steps.

    Steps are those of the column ``step``, else ``global_step``, else ``epoch``, else the number of the row. A cell
    that holds no number is no point of its series, and a row that has no step is left out, so a table whose writer was
    killed in the middle of a row is read up to there.

    Args:
        path: The file.

    Returns:
        The series by column; columns without numbers have none.

    Raises:
        ValueError: The file cannot be read as a table.
    """
    table = read_table(path)
    clock = next((name for name in CLOCKS if name in table.columns), None)
    points: dict[str, list[tuple[int, float]]] = {}
    for number, cells in enumerate(table.rows):
        row = dict(zip(table.columns, cells, strict=True))
        when = float(number) if clock is None else _number(row[clock])
        if when is None or not when.is_integer():
            continue
        for name, value in _values(row):
            if name != "step":
                points.setdefault(name, []).append((int(when), value))
    return {name: in_order(column) for name, column in points.items()}


def read_table(path: Path) -> Table:
    """Read the cells of a table with a heading, as they are; a short row is filled up, a long one cut.

    Args:
        path: The file.

    Returns:
        The table; an empty one for an empty file.

    Raises:
        ValueError: The file cannot be read as a table.
    """
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            columns, *rows = [row for row in csv.reader(file) if row] or [[]]
    except csv.Error as error:
        raise ValueError(message("report", f"file {str(path)!r}", "be a table of commas", str(error))) from error
    padding = [""] * len(columns)
    return Table(tuple(columns), tuple(tuple([*row, *padding][: len(columns)]) for row in rows))


def _values(row: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    for name, text in row.items():
        value = _number(text)
        if value is not None:
            yield name, value


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None
