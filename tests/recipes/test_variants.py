from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
import yaml
from torch.optim.optimizer import register_optimizer_step_pre_hook

from recipes import variants
from recipes.classifier import ImageClassifier
from recipes.data import DigitsData
from recipes.variants import VARIANTS, Recorder, Settings, Variant, train
from tests.support import trainer

ROOT = Path(__file__).parents[2]
RECIPES = {"plain": "baseline.yaml", "regularized": "regularized.yaml"}
PLAIN, REGULARIZED = VARIANTS


def nothing() -> None:
    pass


def quick(out: Path, **options: Any) -> Settings:
    return Settings(**{"seeds": 1, "epochs": 2, "train_size": 50, "out": out} | options)


def recipe(variant: Variant) -> Any:
    return yaml.safe_load((ROOT / "recipes" / "digits" / RECIPES[variant.name]).read_text())


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.Trainer, "__init__", _cpu(pl.Trainer.__init__))


def _cpu(init: Any) -> Any:
    def on_cpu(self: pl.Trainer, **options: Any) -> None:
        init(self, **options | {"accelerator": "cpu"})

    return on_cpu


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_run_is_the_recipe_of_its_yaml(variant: Variant, seed: int, tmp_path: Path) -> None:
    """The same numbers come out of the YAML's model and data with the variant's callbacks."""
    run = train(variant, seed, quick(tmp_path, train_size=100), nothing)

    config = recipe(variant)
    pl.seed_everything(seed, verbose=False)
    model, data = ImageClassifier(**config["model"]), DigitsData(**config["data"]["init_args"] | {"seed": seed})
    running = trainer(max_epochs=2, callbacks=variant.callbacks())
    running.fit(model, data)
    (metrics,) = running.test(model, data, verbose=False)
    assert run.test_error == 100 * (1 - metrics["test_acc"])
    assert len(run.rates) == 8


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_callbacks_are_those_of_the_yaml(variant: Variant) -> None:
    *regularizers, monitor = recipe(variant)["trainer"]["callbacks"]

    assert monitor["class_path"] == "LearningRateMonitor"
    callbacks = variant.callbacks()
    assert [type(callback).__name__ for callback in callbacks] == [entry["class_path"] for entry in regularizers]
    for callback, entry in zip(callbacks, regularizers, strict=True):
        for name, value in entry["init_args"].items():
            actual = vars(callback)[name]
            assert (type(actual).__name__ if name == "spec" else actual) == (
                value["class_path"] if name == "spec" else value
            )


def test_epochs_and_size_are_those_of_the_yaml() -> None:
    for variant in VARIANTS:
        config = recipe(variant)
        assert config["trainer"]["max_epochs"] == Settings().epochs
        assert config["data"]["init_args"]["train_size"] == Settings().train_size


def test_rates_are_those_in_use(tmp_path: Path) -> None:
    used: list[float] = []
    hook = register_optimizer_step_pre_hook(lambda optimizer, *_: used.append(optimizer.param_groups[0]["lr"]))
    try:
        run = train(REGULARIZED, 0, quick(tmp_path, epochs=20), nothing)
    finally:
        hook.remove()

    assert list(run.rates) == used
    assert len(used) == 40
    assert used[:3] == pytest.approx([factor * REGULARIZED.lr for factor in (0.5, 0.75, 1)])  # 2 steps of warmup
    assert used[2:] == sorted(used[2:], reverse=True)
    assert used[-1] < REGULARIZED.lr / 100


def test_the_plain_rate_is_constant(tmp_path: Path) -> None:
    assert set(train(PLAIN, 0, quick(tmp_path), nothing).rates) == {PLAIN.lr}


def test_equal_seeds_give_equal_runs_and_others_do_not(tmp_path: Path) -> None:
    first, again, other = (train(REGULARIZED, seed, quick(tmp_path), nothing) for seed in (0, 0, 1))

    assert first == again
    assert first.val_errors != other.val_errors


def test_errors_are_percentages_of_wrong_images(tmp_path: Path) -> None:
    run = train(PLAIN, 0, quick(tmp_path), nothing)

    assert len(run.val_errors) == 2
    for error in run.val_errors:
        assert error * 300 / 100 == pytest.approx(round(error * 300 / 100), abs=1e-3)
    num_test = 1797 - 50 - 300
    assert run.test_error * num_test / 100 == pytest.approx(round(run.test_error * num_test / 100), abs=1e-2)
    assert 0 < run.test_error < 100


def test_says_when_an_epoch_is_over(tmp_path: Path) -> None:
    ticks: list[None] = []
    train(PLAIN, 0, quick(tmp_path, epochs=3), lambda: ticks.append(None))

    assert len(ticks) == 3


def test_a_rerun_replaces_its_tensorboard_file(tmp_path: Path) -> None:
    files = []
    for _ in range(2):
        train(PLAIN, 0, quick(tmp_path), nothing)
        files.append({path.name for path in (tmp_path / "tensorboard" / "plain" / "seed-0").glob("events.*")})

    assert len(files[0]) == len(files[1]) > 0
    assert not files[0] & files[1]


@pytest.mark.parametrize("compared", [variants.VARIANTS, variants.NOISES])
def test_names_are_unique(compared: tuple[Variant, ...]) -> None:
    names = [variant.name for variant in compared]

    assert len(set(names)) == len(names)


def test_each_noise_comes_beside_the_same_schedule() -> None:
    made = {variant.name: [type(callback).__name__ for callback in variant.callbacks()] for variant in variants.NOISES}
    assert made == {
        "cosine": ["ScheduleLR"],
        "mixup": ["ScheduleLR", "Mixup"],
        "cutmix": ["ScheduleLR", "CutMix"],
        "mixup or cutmix": ["ScheduleLR", "OneOf"],
        "cutout": ["ScheduleLR", "Cutout"],
        "random erasing": ["ScheduleLR", "RandomErasing"],
        "mixup and cutout": ["ScheduleLR", "Mixup", "Cutout"],
    }


def test_recorder_turns_accuracy_into_percent_wrong() -> None:
    recorder, running = Recorder(nothing), trainer()
    running.callback_metrics["val_acc"] = torch.tensor(0.75)

    recorder.on_validation_epoch_end(running, pl.LightningModule())

    assert recorder.val_errors == [25.0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"seeds": 0}, "quickstart: seeds must be at least 1, got 0."),
        ({"epochs": -1}, "quickstart: epochs must be at least 1, got -1."),
        ({"train_size": 5}, "DigitsData: train_size must be at least 10, got 5."),
    ],
)
def test_refusals(options: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        Settings(**options)

    assert str(error.value) == text
