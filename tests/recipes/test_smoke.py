"""Two steps of every recipe, and what a fault in one does to them."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import lightning.pytorch as pl
import pytest
import torch
import yaml

import lightning_regkit as rk
from recipes import __main__ as cli

ROOT = Path(__file__).parents[2]
YAMLS = sorted((ROOT / "recipes").rglob("*.yaml"))
BIG = {"cifar", "imagenet"}
REGULARIZED = ROOT / "recipes" / "digits" / "regularized.yaml"


@pytest.fixture(autouse=True)
def _in_an_empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("here", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "argv", ["recipes"])  # LightningCLI warns where it sees arguments twice


@pytest.fixture
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """Look at the end: in the working directory, the temporary one and the cache."""
    yield
    assert sorted(path.name for path in tmp_path.rglob("*") if path.name != "recipe.yaml") == ["here", "temporary"]


@pytest.mark.usefixtures("nothing_is_left")
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] * (path.parent.name in BIG), id=f"{path.parent.name}-{path.stem}")
        for path in YAMLS
    ],
)
def test_every_recipe_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["smoke", "--config", str(path)])
    out = capsys.readouterr().out
    assert "test_acc" in out
    assert f"{path} runs" in out


class Recorder(pl.Callback):
    """What a run does; named in YAML, so seen by its class."""

    seen: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self) -> None:
        self.seen.update({"train": [], "val": [], "test": [], "steps": [], "epochs": [], "total": []})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen["epochs"].append(trainer.max_epochs)
        self.seen["total"].append(trainer.estimated_stepping_batches)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.seen["train"].append(batch)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if not trainer.sanity_checking:
            self.seen["val"].append(batch)

    def on_test_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *_: Any) -> None:
        self.seen["test"].append(batch)

    def on_test_end(self, trainer: Any, pl_module: pl.LightningModule) -> None:
        ensembles = [callback for callback in trainer.callbacks if isinstance(callback, rk.callbacks.SnapshotEnsemble)]
        self.seen["members"] = [len(callback.curve) for callback in ensembles]

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen["steps"].append(trainer.global_step)


def replaced(written: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**written, **{name: {**written[name], **part} for name, part in changes.items()}}


def recipe(**changes: Any) -> dict[str, Any]:
    """Return a recipe of 90 epochs on a folder of photographs, with a small network; parts of it replaced."""
    written: dict[str, Any] = {
        "seed_everything": 0,
        "trainer": {
            "devices": 8,
            "num_nodes": 2,
            "max_epochs": 90,
            "callbacks": [
                {
                    "class_path": "ScheduleLR",
                    "init_args": {
                        "spec": {"class_path": "Milestones", "init_args": {"positions": ["30ep", "60ep"]}},
                        "warmup": "5ep",
                    },
                },
                {"class_path": "tests.recipes.test_smoke.Recorder"},
            ],
        },
        "model": {"model": "resnet20_small", "num_classes": 1000, "optimizer": {"name": "momentum", "lr": 0.1}},
        "data": {
            "class_path": "ImageFolderData",
            "init_args": {
                "root": "/there/is/no/such/folder",
                "batch_size": 32,
                "images": {"crop_px": 32, "resize_px": [37, 69], "test_resize_px": 37},
                "folder": {"train_size": 1_281_167, "val_labels": "labels.txt"},
            },
        },
    }
    return {
        name: {**part, **changes.get(name, {})} if isinstance(part, dict) else part for name, part in written.items()
    }


def smoke(written: dict[str, Any], *words: str) -> None:
    path = Path("..").absolute() / "recipe.yaml"
    path.write_text(yaml.safe_dump(written))
    cli.main(["smoke", "--config", str(path), *words])


@pytest.mark.usefixtures("nothing_is_left")
def test_folders_elsewhere_are_not_written_to(tmp_path: Path) -> None:
    callbacks = [
        {"class_path": "BestEpochCheckpoint", "init_args": {"dirpath": str(tmp_path / "best")}},
        {"class_path": "ExactResume", "init_args": {"dirpath": str(tmp_path / "resume")}},
    ]
    logger = {"class_path": "CSVLogger", "init_args": {"save_dir": str(tmp_path / "logs")}}
    smoke(recipe(trainer={"callbacks": callbacks, "logger": logger, "default_root_dir": str(tmp_path / "root")}))


@pytest.mark.usefixtures("nothing_is_left")
def test_two_steps_a_validation_and_a_test_of_the_recipes_own_run(capsys: pytest.CaptureFixture[str]) -> None:
    smoke(recipe())
    seen = Recorder.seen
    assert (seen["epochs"], seen["total"], seen["steps"]) == ([90], [180], [2])
    assert [len(seen[part]) for part in ("train", "val", "test")] == [2, 1, 1]
    for images, labels in (*seen["train"], *seen["val"], *seen["test"]):
        assert (images.shape, images.dtype, len(labels)) == ((2, 3, 32, 32), torch.float32, 2)
    out = capsys.readouterr().out
    for line in ("trainer.devices: 1, not 8", "data.batch_size: 2, not 32", "data.folder.train_size: 128, not 1281167"):
        assert line in out
    assert "generated JPEG files" in out


def test_accumulation_is_kept_but_shortened() -> None:
    smoke(recipe(trainer={**recipe()["trainer"], "accumulate_grad_batches": 64}))
    assert (Recorder.seen["steps"], len(Recorder.seen["train"])) == ([2], 4)


def test_words_replace_values_but_never_the_data() -> None:
    smoke(recipe(), "--data.batch_size=5", "--data.root=/also/not/there", "--trainer.max_epochs=70")
    assert [len(labels) for _, labels in Recorder.seen["train"]] == [5, 5]
    assert Recorder.seen["epochs"] == [70]


def test_members_of_snapshots_are_averaged() -> None:
    ensemble = {"class_path": "SnapshotEnsemble", "init_args": {"num_cycles": 3, "num_members": 2}}
    recorder = {"class_path": "tests.recipes.test_smoke.Recorder"}
    smoke(recipe(trainer={**recipe()["trainer"], "callbacks": [ensemble, recorder]}))
    assert (len(Recorder.seen["test"]), Recorder.seen["members"]) == (1, [3])


def test_an_evaluation_loads_a_file_of_weights_that_fits() -> None:
    written = recipe()
    written["model"] = {"model": "resnet20_small", "num_classes": 1000, "model_options": {"weights": "not/there.pth"}}
    written["trainer"] = {"devices": "auto", "callbacks": [{"class_path": "tests.recipes.test_smoke.Recorder"}]}
    smoke(written)
    assert [len(Recorder.seen[part]) for part in ("train", "val", "test")] == [0, 1, 1]


def test_a_fault_in_the_weights_options_is_found() -> None:
    written = recipe()
    options = {"weights": "not/there.pth", "no_such_option": 1}
    written["model"] = {"model": "resnet20_small", "num_classes": 1000, "model_options": options}
    with pytest.raises(TypeError, match="no_such_option"):
        smoke(written)


def digits(**changes: Any) -> dict[str, Any]:
    written = yaml.safe_load(REGULARIZED.read_text())
    return {
        name: {**part, **changes.get(name, {})} if isinstance(part, dict) else part for name, part in written.items()
    }


def test_a_large_batch_of_an_evaluation_is_cut_to_one_of_the_training() -> None:
    smoke(digits(trainer={"callbacks": [{"class_path": "tests.recipes.test_smoke.Recorder"}]}))
    assert [len(labels) for part in ("val", "test") for _, labels in Recorder.seen[part]] == [25, 25]
    assert [len(labels) for _, labels in Recorder.seen["train"]] == [25, 25]


@pytest.mark.usefixtures("nothing_is_left")
def test_a_wrong_argument_of_a_callback_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"class_path": "Mixup", "init_args": {"not_an_argument": 0.2}}
    with pytest.raises(SystemExit) as end:
        smoke(digits(trainer={**digits()["trainer"], "callbacks": [wrong]}))
    assert end.value.code == 2
    assert "not_an_argument" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_is_left")
def test_a_duration_beyond_the_run_is_found() -> None:
    with pytest.raises(ValueError, match="60ep"):
        smoke(recipe(), "--trainer.max_epochs=50")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (digits(model={"num_classes": 5}), "smoke: num_classes must be 10, as DigitsData has, got 5."),
        (digits(model={"num_classes": 11}), "smoke: num_classes must be 10, as DigitsData has, got 11."),
        (recipe(model={"num_classes": 100}), "smoke: num_classes must be 1000, as ImageFolderData has, got 100."),
    ],
)
def test_another_number_of_classes_is_found(written: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="num_classes") as caught:
        smoke(written)
    assert str(caught.value) == text


def test_classes_of_a_folder_of_another_size_are_taken_as_they_are() -> None:
    written = recipe(model={"num_classes": 7})
    written["data"]["init_args"]["folder"] = None
    smoke(written)
    assert Recorder.seen["steps"] == [2]


def test_channels_that_do_not_fit_are_found() -> None:
    with pytest.raises(RuntimeError, match="channels"):
        smoke(recipe(model={"model_options": {"in_chans": 1}}))


@pytest.mark.usefixtures("nothing_is_left")
def test_a_loss_that_is_no_number_is_found() -> None:
    with pytest.raises(ValueError, match=r"smoke: train_loss must be finite after 2 steps, got (nan|inf)"):
        smoke(digits(trainer={"callbacks": []}), "--model.optimizer.lr=1e30")


def test_a_config_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["smoke"])
    assert "--config" in capsys.readouterr().err
