"""The protocol of a recipe."""

import sys
from pathlib import Path

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


@pytest.mark.slow
def test_a_recipe_is_tuned_and_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = ["--config", REGULARIZED, "--trainer.accelerator=cpu", "--model.model=softmax_regression"]
    words = ["tune", *recipe, "--out", str(tmp_path / "out"), *TINY]
    cli.main([*words, "--anyway"])
    said = capsys.readouterr().out
    assert [line[0] for line in said.splitlines() if line[:1].isdigit()] == list("1234567")
    assert "1 initial loss: healthy" in said
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(words)
    assert "pass --continue or --from STEP" in capsys.readouterr().err
    cli.main([*words, "--from", "7"])
    assert capsys.readouterr().out.startswith("7 where to look next: healthy")
