"""The comparison of ensembles, at a size that takes seconds."""

import io

import pytest
import torch
from rich.console import Console

import lightning_regkit as rk
from recipes.ensembles import Settings, main, measure, tabulate

SMALL = Settings(seeds=1, members=2, epochs=4, train_size=40)


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, float, tuple[rk.ensemble.CurveRow, ...]]]:
    with torch.random.fork_rng():
        return measure(0, SMALL)


def test_every_variant_is_measured_with_its_members(
    rows: list[tuple[str, float, tuple[rk.ensemble.CurveRow, ...]]],
) -> None:
    assert [(name, budget, len(curve)) for name, budget, curve in rows] == [
        ("single", 1.0, 1),
        ("no cycle", 1.0, 2),
        ("single cycle", 1.0, 2),
        ("snapshot", 1.0, 2),
        ("apart, one budget in all", 1.0, 2),
        ("apart, a budget each", 2.0, 2),
    ]
    single, no_cycle, *_, apart = (curve for _, _, curve in rows)
    assert single == no_cycle[:1]
    assert apart[-1].disagreement > 0


def test_the_table_gives_means_over_seeds(
    rows: list[tuple[str, float, tuple[rk.ensemble.CurveRow, ...]]],
) -> None:
    console = Console(file=io.StringIO(), width=160)
    console.print(tabulate([rows, rows], SMALL))
    assert isinstance(console.file, io.StringIO)
    error = 100 * (1 - rows[3][2][-1].accuracy)
    line = next(line for line in console.file.getvalue().splitlines() if "snapshot" in line)
    assert f"{error:.2f} ± 0.00" in line
    assert f"{error:.2f} {error:.2f}" in line


@pytest.mark.slow
def test_the_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seeds", "1", "--members", "2", "--epochs", "2", "--train-size", "20"])
    assert "20 scans, 2 epochs a budget, 2 members" in capsys.readouterr().out
