"""The comparison of ensembles, at a size that takes seconds."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from recipes import ensembles
from recipes._ensemble_runs import Row, _Runs, measure
from recipes._ensemble_tasks import DEFAULTS, TASKS
from recipes.data import FashionMNISTData
from recipes.ensembles import main, tabulate
from tests.recipes.data.idx import write_data_set

SMALL = replace(DEFAULTS["digits"], seeds=1, members=2, epochs=4, train_size=40)
NAMES = [
    "single",
    "single, EMA",
    "no cycle",
    "single cycle",
    "snapshot",
    "apart, one budget in all",
    "apart, a budget each",
]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return measure(0, SMALL)


@pytest.fixture
def _tiny_fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data of noise, in the files of Fashion-MNIST."""
    root = str(write_data_set(tmp_path, 60, 20))
    task = replace(TASKS["fashion_mnist"], data=lambda size, seed: FashionMNISTData(root, size, 20, seed))
    monkeypatch.setitem(TASKS, "fashion_mnist", task)


def test_every_variant_is_measured_with_its_members(rows: list[Row]) -> None:
    budgets, members = [1.0] * 6 + [2.0], [1, 1, 2, 2, 2, 2, 2]
    assert [(name, budget, len(curve)) for name, budget, curve in rows] == list(
        zip(NAMES, budgets, members, strict=True)
    )
    single, average, no_cycle, *others, apart = (curve for _, _, curve in rows)
    assert single == no_cycle[:1]
    assert average[0].nll not in {row.member_nll for row in no_cycle}
    assert apart[-1].disagreement > 0
    lasts = [curve[0].nll for curve in (single, *others)]
    assert len(set(lasts)) == len(lasts)


def test_models_apart_begin_with_the_single_model(rows: list[Row]) -> None:
    """Of one seed, schedule and budget: the first of them, and the run whose snapshots without cycles are taken."""
    *_, apart = rows
    single, *_ = rows

    assert apart[2][-1].member_nll == pytest.approx(single[2][0].nll, rel=1e-5)
    assert apart[2][0].member_nll != pytest.approx(single[2][0].nll, rel=1e-5)


def test_the_table_gives_means_over_seeds_and_wins_over_the_first_row(rows: list[Row]) -> None:
    better = [(name, budget, (replace(curve[-1], accuracy=1.0),)) for name, budget, curve in rows[1:]]
    console = Console(file=io.StringIO(), width=200)
    console.print(tabulate([rows, [rows[0], *better], [rows[0], *better]], SMALL))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()

    assert "digits: 40 training images, 4 epochs a budget, 2 members" in said
    assert "better than single" in said
    single, snapshots = rows[0][2], rows[4][2]
    error, alone = (100 * (1 - row.accuracy) for row in (snapshots[-1], snapshots[0]))
    won = 2 + (snapshots[-1].accuracy > single[-1].accuracy)
    line = next(line for line in said.splitlines() if "snapshot" in line)
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert cells[:5] == [
        "snapshot",
        "1",
        f"{error / 3:.2f} ± {error / 3**0.5:.2f}",
        f"{error:.2f} 0.00 0.00",
        f"{won} of 3",
    ]
    assert cells[5:7] == [f"{alone / 3:.2f}", f"{snapshots[-1].nll:.3f}"]


@pytest.mark.usefixtures("_tiny_fashion")
def test_images_of_clothes_are_learned_in_half_precision_and_channels_last(tmp_path: Path) -> None:
    settings = replace(DEFAULTS["fashion_mnist"], members=1, epochs=1, train_size=20)

    trainer, curve = _Runs(0, settings, tmp_path).snapshots("snapshot", None)

    assert trainer.precision == "bf16-mixed"
    kernels = [weight for weight in trainer.lightning_module.parameters() if weight.ndim == 4 and weight.shape[1] > 1]
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
    assert len(kernels) == 18
    assert curve[0].accuracy * 20 == pytest.approx(round(curve[0].accuracy * 20))  # of the 20 test images


def test_each_data_set_has_its_defaults() -> None:
    assert ensembles._parse([]) == DEFAULTS["digits"]
    assert ensembles._parse(["--data", "fashion_mnist"]) == DEFAULTS["fashion_mnist"]
    given = ensembles._parse(["--data", "fashion_mnist", "--epochs", "3", "--train-size", "50"])
    assert given == replace(DEFAULTS["fashion_mnist"], epochs=3, train_size=50)
    assert DEFAULTS.keys() == TASKS.keys()
    assert all(name == settings.data for name, settings in DEFAULTS.items())


@pytest.mark.slow
def test_the_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seeds", "1", "--members", "2", "--epochs", "2", "--train-size", "20"])
    assert "20 training images, 2 epochs a budget, 2 members" in capsys.readouterr().out
