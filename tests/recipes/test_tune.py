"""The protocol of a recipe."""

import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

import lightning_regkit as rk
from recipes import __main__ as cli
from recipes import tune
from recipes._quiet import without_known_warnings

ROOT = Path(__file__).parents[2]
REGULARIZED = str(ROOT / "recipes" / "digits" / "regularized.yaml")
TINY = ["--coarse-trials", "1", "--coarse-epochs", "1", "--refined-trials", "1", "--refined-epochs", "1"]


@pytest.fixture(autouse=True)
def _in_an_empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["recipes", "tune", "--config"])  # as from a shell


def test_noise_takes_part_and_the_schedule_does_not(tmp_path: Path) -> None:
    words = ["--config", REGULARIZED, "--trainer.accelerator=cpu", "--trainer.precision=bf16-mixed"]
    with without_known_warnings():
        protocol = tune.protocol_of(words, tmp_path)
    assert [type(each) for each in protocol.setup.callbacks] == [rk.callbacks.Mixup, rk.callbacks.Cutout]
    assert dict(protocol.setup.trainer) == {"accelerator": "cpu", "precision": "bf16-mixed"}


def test_what_a_space_names_is_made_from_the_recipe(tmp_path: Path) -> None:
    space = ["Mixup.alpha=0.1..1", "ScheduleLR.warmup=0,0.1run", "CutMix.alpha=1.0", "weight_decay=0.0"]
    with without_known_warnings():
        protocol = tune.protocol_of(["--config", REGULARIZED, "--trainer.accelerator=cpu"], tmp_path, space)
    assert protocol.space == rk.tuning.parse_space(space)
    cutout, schedule, mixup = protocol.setup.callbacks
    assert isinstance(cutout, rk.callbacks.Cutout)
    assert not isinstance(schedule, pl.Callback)
    assert not isinstance(mixup, pl.Callback)
    made: Any = schedule(warmup="0.1run")
    assert isinstance(made, rk.callbacks.ScheduleLR)
    assert (made.spec, made.warmup) == (rk.schedules.Cosine(), "0.1run")
    assert vars(schedule())["warmup"] == "0.05run"
    made = mixup(alpha=0.75)
    assert (type(made), made.alpha, vars(mixup())["alpha"]) == (rk.callbacks.Mixup, 0.75, 0.2)


@pytest.mark.slow
def test_a_recipe_is_tuned_and_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = ["--config", REGULARIZED, "--trainer.accelerator=cpu", "--model.model=softmax_regression"]
    words = ["tune", *recipe, "--out", str(tmp_path / "out"), *TINY]
    cli.main([*words, "--anyway", "--space", "Mixup.alpha=0.1..1", "--space", "optimizer=nesterov,adamw"])
    said = capsys.readouterr().out
    assert [line[0] for line in said.splitlines() if line[:1].isdigit()] == list("1234567")
    assert "1 initial loss: healthy" in said
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(words)
    assert "pass --continue or --from STEP" in capsys.readouterr().err
    cli.main([*words, "--from", "7"])
    assert capsys.readouterr().out.startswith("7 where to look next: healthy")
