"""The plan of a recipe, against what its fit does."""

from pathlib import Path

import pytest
import yaml

from recipes import __main__ as cli
from recipes import plan

pytestmark = pytest.mark.usefixtures("empty_directory")

ROOT = Path(__file__).parents[2]
YAMLS = sorted((ROOT / "recipes").rglob("*.yaml"))
REGULARIZED = str(ROOT / "recipes" / "digits" / "regularized.yaml")


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_recipe_has_a_plan(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["plan", "--config", str(path), "--devices", "8", "--nodes", "2"])
    out = capsys.readouterr().out
    assert "not known" not in out.lower()
    if "optimizer" not in yaml.safe_load(path.read_text())["model"]:
        assert "An evaluation: nothing is trained." in out
        assert "The weights: " in out
        return
    assert "16 devices, global batch" in out
    assert "The run: " in out
    assert "weight decay" in out
    assert "A checkpoint: " in out
    assert "images/s" in out
    assert "MB/s" in out


def test_an_evaluation_names_its_views(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["plan", "--config", str(ROOT / "recipes" / "imagenet" / "eval_10crop.yaml")])
    out = capsys.readouterr().out
    assert (
        "An evaluation: nothing is trained.\nMultiCrop: nothing in fit; at test, predict the mean over 10 views" in out
    )
    assert "The run" not in out
    assert "The weights: 102." in out  # ResNet-50: 25.6 million numbers of 4 bytes
    assert "images/s" not in out


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


def checkpoint_mb(out: str) -> float:
    return float(out.partition("A checkpoint: ")[2].partition(" MB")[0])


def test_an_average_of_the_weights_is_one_more_in_a_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = []
    for more in ([], ["--trainer.callbacks+=EMAWeightAveraging"]):
        cli.main(["plan", "--config", REGULARIZED, *more])
        sizes.append(checkpoint_mb(capsys.readouterr().out))
    weights = 0.27e6 * 4 / 1e6  # 0.27 million numbers, and as many of momentum
    assert sizes[0] == pytest.approx(2 * weights, rel=0.05)
    assert sizes[1] == pytest.approx(3 * weights, rel=0.05)
