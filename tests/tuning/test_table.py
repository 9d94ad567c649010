"""The table of trials."""

import csv
from pathlib import Path

from lightning_regkit.report import read_runs
from lightning_regkit.tuning._table import Row, write_table

ROWS = [
    Row("coarse", 0, "complete", 3, {"lr": 0.1, "Mixup.alpha": 0.2}, 2, 0.9, 1, 123.456),
    Row("refined", 0, "running", 3, {"weight_decay": 0.0, "lr": 0.01}),
]


def test_columns_and_cells(tmp_path: Path) -> None:
    write_table(tmp_path / "trials.csv", ROWS)
    with (tmp_path / "trials.csv").open() as file:
        first, second = csv.DictReader(file)
    assert list(first) == [
        *("search", "number", "state", "seed", "lr", "weight_decay", "epochs", "best", "best_epoch"),
        *("samples_per_second", "Mixup.alpha"),
    ]
    assert list(first.values()) == ["coarse", "0", "complete", "3", "0.1", "", "2", "0.9", "1", "123.5", "0.2"]
    assert list(second.values()) == ["refined", "0", "running", "3", "0.01", "0.0", "0", "", "", "", ""]


def test_the_report_reads_it(tmp_path: Path) -> None:
    write_table(tmp_path / "trials.csv", ROWS)
    (run,) = read_runs([tmp_path])
    assert run.trials is not None
    assert len(run.trials.rows) == 2
