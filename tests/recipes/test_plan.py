"""The plan of a recipe, against what its fit does."""

import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from recipes import __main__ as cli
from recipes import plan

ROOT = Path(__file__).parents[2]
YAMLS = sorted((ROOT / "recipes").rglob("*.yaml"))
REGULARIZED = str(ROOT / "recipes" / "digits" / "regularized.yaml")


@pytest.fixture(autouse=True)
def _in_an_empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["recipes"])  # LightningCLI warns where it sees arguments twice


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_every_recipe_has_a_plan(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["plan", "--config", str(path), "--devices", "8", "--nodes", "2"])
    out = capsys.readouterr().out
    assert "16 devices, global batch" in out
    assert "The run: " in out
    assert "not known" not in out.lower()


def test_it_names_schedule_callbacks_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["plan", "--config", REGULARIZED, "--hours", "0.01"])
    out = capsys.readouterr().out
    assert "The run: 400 optimizer steps, 4 in the first epoch." in out
    assert "Cosine: x1 at step 20, curving to x0 at step 400" in out
    assert "Mixup: every training batch" in out
    assert "weight decay 0.0005: network.stem.0.weight" in out
    assert "1 devices, global batch 25, 400 steps: to end in 0.01 hours, 277.8 images/s and 0.07 MB/s each" in out


@pytest.mark.parametrize(("devices", "nodes", "steps"), [(1, 1, 400), (2, 1, 200), (4, 2, 100)])
def test_steps_are_those_of_the_explanation(devices: int, nodes: int, steps: int) -> None:
    recipe = plan.build(["--config", REGULARIZED], devices, nodes)
    assert recipe.load.steps == steps
    assert f"The run: {steps} optimizer steps" in recipe.explained()


def test_any_value_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--config", REGULARIZED, "--data.batch_size=50", "--trainer.accumulate_grad_batches=2"]
    cli.main(["plan", *words])
    assert "global batch 100, 100 steps" in capsys.readouterr().out


def test_a_run_bounded_by_steps_counts_the_epochs_they_fill() -> None:
    recipe = plan.build(["--config", REGULARIZED, "--trainer.max_steps=10", "--trainer.max_epochs=-1"], 1, 1)
    assert recipe.load.epochs == 3  # four steps each


def test_a_run_without_an_end_is_refused() -> None:
    recipe = plan.build(["--config", REGULARIZED, "--trainer.max_epochs=-1"], 1, 1)
    with pytest.raises(ValueError, match="plan") as caught:
        _ = recipe.load
    assert str(caught.value) == "plan: the recipe must end after max_epochs or max_steps, got neither."


class Files(pl.Callback):
    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.save_checkpoint(self.path)


def test_bytes_are_those_of_the_tensors_in_a_checkpoint(tmp_path: Path) -> None:
    words = ["--config", REGULARIZED, "--model.optimizer.name=adamw", "--model.optimizer.lr=0.001"]
    recipe = plan.build([*words, "--trainer.max_epochs=1", "--trainer.callbacks=null"], 1, 1)
    predicted = plan.checkpoint_bytes(recipe.model)
    recipe.trainer.callbacks.append(Files(tmp_path / "last.ckpt"))  # type: ignore[attr-defined]
    recipe.trainer.fit(recipe.model, recipe.data)
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    states = [entry for state in saved["optimizer_states"][0]["state"].values() for entry in state.values()]
    held = [*saved["state_dict"].values(), *states]
    assert predicted == sum(tensor.nbytes for tensor in held)
