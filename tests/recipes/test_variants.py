from pathlib import Path

import lightning.pytorch as pl
import pytest

import lightning_regkit as rk
from recipes import variants
from recipes.variants import VARIANTS, Settings, Variant
from tests.recipes.digits_recipes import recipe

PLAIN, REGULARIZED, SNAPSHOTS = VARIANTS
SINGLE_RECIPES = pytest.mark.parametrize("variant", [PLAIN, REGULARIZED], ids=lambda variant: variant.name)


def numbers(callback: pl.Callback) -> dict[str, object]:
    return {name: value for name, value in vars(callback).items() if isinstance(value, int | float)}


@SINGLE_RECIPES
def test_callbacks_are_those_of_the_yaml(variant: Variant, tmp_path: Path) -> None:
    *regularizers, monitor = recipe(variant.name)["trainer"]["callbacks"]

    assert monitor["class_path"] == "LearningRateMonitor"
    callbacks = variant.callbacks(tmp_path)
    assert [type(callback).__name__ for callback in callbacks] == [entry["class_path"] for entry in regularizers]
    for callback, entry in zip(callbacks, regularizers, strict=True):
        for name, value in entry["init_args"].items():
            actual = vars(callback)[name]
            assert (type(actual).__name__ if name == "spec" else actual) == (
                value["class_path"] if name == "spec" else value
            )


@SINGLE_RECIPES
def test_epochs_size_and_rate_are_those_of_the_yaml(variant: Variant) -> None:
    config = recipe(variant.name)
    assert config["trainer"]["max_epochs"] == Settings().epochs
    assert config["data"]["init_args"]["train_size"] == Settings().train_size
    assert config["model"]["optimizer"]["lr"] == variant.lr


def test_snapshots_come_in_the_place_of_the_schedule(tmp_path: Path) -> None:
    snapshots, *noise = SNAPSHOTS.callbacks(tmp_path)
    schedule, *same = REGULARIZED.callbacks(tmp_path)

    assert isinstance(snapshots, rk.callbacks.SnapshotEnsemble)
    assert isinstance(schedule, rk.callbacks.ScheduleLR)
    assert snapshots.cycles.dirpath == tmp_path
    assert snapshots.cycles.num_cycles == 4
    assert snapshots.cycles.warmup == schedule.warmup
    assert [(type(callback), numbers(callback)) for callback in noise] == [
        (type(callback), numbers(callback)) for callback in same
    ]


@pytest.mark.parametrize("compared", [variants.VARIANTS, variants.NOISES])
def test_names_are_unique(compared: tuple[Variant, ...]) -> None:
    names = [name for variant in compared for name in (variant.name, *(retest.name for retest in variant.retests))]

    assert len(set(names)) == len(names)


def test_each_noise_comes_beside_the_same_schedule(tmp_path: Path) -> None:
    made = {
        variant.name: [type(callback).__name__ for callback in variant.callbacks(tmp_path)]
        for variant in variants.NOISES
    }
    assert made == {
        "cosine": ["ScheduleLR"],
        "mixup": ["ScheduleLR", "Mixup"],
        "cutmix": ["ScheduleLR", "CutMix"],
        "mixup or cutmix": ["ScheduleLR", "OneOf"],
        "cutout": ["ScheduleLR", "Cutout"],
        "random erasing": ["ScheduleLR", "RandomErasing"],
        "mixup and cutout": ["ScheduleLR", "Mixup", "Cutout"],
    }


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"seeds": 0}, "quickstart: seeds must be at least 1, got 0."),
        ({"epochs": -1}, "quickstart: epochs must be at least 1, got -1."),
        ({"epochs": 1, "train_size": 75}, "quickstart: epochs must make at least 4 steps, one a cycle, got 3."),
        ({"train_size": 5}, "DigitsData: train_size must be at least 10, got 5."),
    ],
)
def test_refusals(options: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        Settings(**options)

    assert str(error.value) == text
