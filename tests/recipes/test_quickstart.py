import csv
from io import StringIO
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from rich.console import Console

from recipes import quickstart
from recipes.comparison import Run, summarize
from recipes.variants import NOISES, VARIANTS, Settings, Variant

#: Every variant and what else its weights are tested with, by seed.
ROWS = [(name, seed) for seed in (0, 1) for name in ("plain", "regularized", "with shifts", "snapshots")]


def run_two_short_seeds(tmp_path: Path) -> None:
    quickstart.main(["--seeds", "2", "--epochs", "2", "--train-size", "50", "--out", str(tmp_path / "new" / "out")])


def test_writes_everything_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_two_short_seeds(tmp_path)
    out, said = tmp_path / "new" / "out", capsys.readouterr().out

    with (out / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["variant"], line["seed"]) for line in lines] == [(name, str(seed)) for name, seed in ROWS]
    assert (out / "quickstart.png").read_bytes().startswith(b"\x89PNG")
    for variant in VARIANTS:
        for seed in (0, 1):
            assert list((out / "tensorboard" / variant.name / f"seed-{seed}").glob("events.*"))
    assert "50 training scans, 2 epochs each, seeds 0 to 1" in said
    for row in summarize(
        [Run(line["variant"], int(line["seed"]), float(line["test_error_percent"])) for line in lines]
    ):
        assert f"{row.mean:.2f} ± {row.sd:.2f}" in said
    for place in (out / "results.csv", out / "quickstart.png", f"tensorboard --logdir {out / 'tensorboard'}"):
        assert str(place) in said


def test_lightning_is_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run_two_short_seeds(tmp_path)

    assert caplog.records == []


def test_every_variant_meets_every_seed_under_one_bar(tmp_path: Path) -> None:
    console = Console(file=StringIO(), width=100, force_terminal=True)

    runs = quickstart.run_all(VARIANTS, Settings(seeds=2, epochs=2, train_size=50, out=tmp_path), console)

    assert [(run.variant, run.seed) for run in runs] == ROWS
    assert "100%" in console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above


def test_runs_compute_on_one_thread(tmp_path: Path) -> None:
    threads: list[int] = []

    def callbacks(folder: Path) -> list[pl.Callback]:
        threads.append(torch.get_num_threads())
        return []

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        settings = Settings(seeds=1, epochs=2, train_size=50, out=tmp_path)
        quickstart.run_all([Variant("any", 0.1, callbacks)], settings, Console(file=StringIO()))
        assert threads == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_defaults_are_the_settings() -> None:
    assert quickstart._parse([]) == (Settings(), VARIANTS)


def test_each_noise_alone_is_another_comparison() -> None:
    assert quickstart._parse(["--noises", "--seeds", "5"]) == (Settings(seeds=5), NOISES)


def test_bad_values_end_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        quickstart.main(["--seeds", "0"])

    assert "error: quickstart: seeds must be at least 1, got 0." in capsys.readouterr().err
