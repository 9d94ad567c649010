import csv
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from rich.console import Console

from recipes.comparison import Row, Run, draw, summarize, tabulate, write_csv

RUNS = [
    Run("plain", 0, 9.0, (0.1, 0.1), (50.0, 20.0)),
    Run("mixed", 0, 7.0, (0.1, 0.0), (60.0, 10.0)),
    Run("plain", 1, 11.0, (0.1, 0.1), (40.0, 30.0)),
    Run("mixed", 1, 12.0, (0.3, 0.0), (70.0, 20.0)),
]


def rendered(rows: tuple[Row, ...]) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(tabulate(rows, "a title"))
    return console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above


def test_rows_keep_the_order_of_variants_and_of_seeds() -> None:
    assert summarize(RUNS) == (Row("plain", (9.0, 11.0), 0), Row("mixed", (7.0, 12.0), 1))


def test_mean_and_sd_are_numpys() -> None:
    row = Row("any", (8.0, 9.5, 12.0, 7.25), 0)

    assert row.mean == pytest.approx(np.mean(row.errors))
    assert row.sd == pytest.approx(np.std(row.errors, ddof=1))


def test_one_seed_has_no_sd() -> None:
    assert Row("any", (8.0,), 0).sd is None


def test_a_tie_is_no_win() -> None:
    rows = summarize([Run("plain", 0, 5.0), Run("other", 0, 5.0)])

    assert [row.wins for row in rows] == [0, 0]


def test_no_runs_give_no_rows() -> None:
    assert summarize([]) == ()


def test_table_says_what_came_out() -> None:
    text = rendered(summarize(RUNS))

    assert "a title" in text
    assert [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line[0] == "│"] == [
        ["plain", "10.00 ± 1.41", "9.00 11.00", ""],
        ["mixed", "9.50 ± 3.54", "7.00 12.00", "1 of 2 seeds"],
    ]


def test_table_of_one_seed_shows_no_spread() -> None:
    assert "±" not in rendered((Row("plain", (9.0,), 0),)).replace("mean ± sd", "")


def test_csv_reads_back_exactly(tmp_path: Path) -> None:
    third = Run("a, b", 2, 100 / 3)

    write_csv([*RUNS, third], tmp_path / "runs.csv")

    with (tmp_path / "runs.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [Run(line["variant"], int(line["seed"]), float(line["test_error_percent"])) for line in lines] == [
        Run(run.variant, run.seed, run.test_error) for run in (*RUNS, third)
    ]


def test_figure_shows_every_run_and_the_mean_of_each_variant() -> None:
    rates, errors = draw(RUNS, "a title").axes

    thick = {str(line.get_label()): line for line in rates.lines if line.get_linewidth() == 2}
    assert {name: list(line.get_ydata()) for name, line in thick.items()} == {"plain": [0.1, 0.1], "mixed": [0.2, 0.0]}
    assert to_hex(thick["plain"].get_color()) != to_hex(thick["mixed"].get_color())
    assert [list(line.get_xdata()) for line in rates.lines] == [[0, 1]] * 6
    curves = [list(line.get_ydata()) for line in errors.lines]
    assert curves == [[50.0, 20.0], [40.0, 30.0], [45.0, 25.0], [60.0, 10.0], [70.0, 20.0], [65.0, 15.0]]
    assert [list(line.get_xdata()) for line in errors.lines] == [[1, 2]] * 6


def test_runs_without_curves_are_in_no_figure() -> None:
    figure = draw([RUNS[0], Run("the same, retested", 0, 5.0), RUNS[1]], "a title")

    names = [str(text.get_text()) for text in figure.axes[0].get_legend().get_texts()]  # type: ignore[union-attr]
    assert names == ["plain", "mixed"]


def test_figure_is_written_without_a_display(tmp_path: Path) -> None:
    draw(RUNS, "a title").savefig(tmp_path / "figure.png")

    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
