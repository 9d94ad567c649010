from pathlib import Path
from typing import Any

import pytest

from recipes._smoke_changes import apply, changes, known_classes, value_at

FOLDER = Path("/tmp/smoke")
TRAINED = {"optimizer": {"name": "sgd"}}


def recipe(name: str, arguments: dict[str, Any] | None = None, **trainer: Any) -> dict[str, Any]:
    return {"trainer": trainer, "model": TRAINED, "data": {"class_path": name, "init_args": arguments or {}}}


@pytest.mark.parametrize(
    ("precision", "here"),
    [("16-mixed", "bf16-mixed"), ("16-true", "bf16-true"), ("16", "bf16-mixed"), (16, "bf16-mixed")],
    ids=repr,
)
def test_halves_become_bfloat16_where_nothing_computes_in_them(precision: Any, here: str) -> None:
    written = recipe("DigitsData", precision=precision)
    assert changes(written, FOLDER, has_accelerator=False)["trainer.precision"] == here
    assert "trainer.precision" not in changes(written, FOLDER, has_accelerator=True)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "64-true"])
def test_other_precisions_stay(precision: str) -> None:
    assert "trainer.precision" not in changes(recipe("DigitsData", precision=precision), FOLDER, has_accelerator=False)


def test_the_length_of_the_run_and_the_callbacks_stay() -> None:
    found = changes(recipe("CIFARData", max_epochs=90, max_steps=1000), FOLDER, has_accelerator=False)
    assert not {"trainer.max_epochs", "trainer.max_steps", "trainer.callbacks"} & set(found)
    assert found["trainer.limit_train_batches"] == 2


@pytest.mark.parametrize(("accumulated", "kept"), [(1, 1), (2, 2), (16, 2)])
def test_batches_are_as_many_as_two_steps_take(accumulated: int, kept: int) -> None:
    found = changes(recipe("DigitsData", accumulate_grad_batches=accumulated), FOLDER, has_accelerator=False)
    assert found["trainer.accumulate_grad_batches"] == kept
    assert found["trainer.limit_train_batches"] == 2 * kept


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("DigitsData", set()),
        ("recipes.data.FashionMNISTData", {"root", "batch_size"}),
        ("CIFARData", {"root", "batch_size", "num_workers"}),
        ("PhotoPatchesData", {"root", "batch_size", "num_workers", "folder"}),
        ("recipes.data.ImageFolderData", {"root", "batch_size", "num_workers", "folder"}),
    ],
)
def test_what_names_the_data_is_replaced(name: str, changed: set[str]) -> None:
    found = changes(recipe(name), FOLDER, has_accelerator=False)
    arguments = apply(recipe(name), found)["data"]["init_args"]
    assert set(arguments) == changed
    assert arguments.get("root", "/tmp/smoke/data") == "/tmp/smoke/data"


@pytest.mark.parametrize(("size", "replaced"), [(None, None), (1_281_167, 128), (500, 128)])
def test_a_number_of_images_is_replaced_where_there_is_one(size: int | None, replaced: int | None) -> None:
    written = recipe("ImageFolderData", {"folder": {"train_size": size, "val_labels": "a.txt", "repeats": 3}})
    folder = apply(written, changes(written, FOLDER, has_accelerator=False))["data"]["init_args"]["folder"]
    assert folder == {"train_size": replaced, "val_labels": None, "cache": "/tmp/smoke/cache", "repeats": 3}


def test_an_evaluation_sees_one_image_and_other_weights() -> None:
    written = recipe("ImageFolderData")
    written["model"] = {"model_options": {"weights": "w.pth", "in_chans": 1}}
    changed = apply(written, changes(written, FOLDER, has_accelerator=False))
    assert changed["data"]["init_args"]["batch_size"] == 1
    assert changed["model"]["model_options"] == {"weights": "/tmp/smoke/weights.pth", "in_chans": 1}


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (recipe("DigitsData"), 10),
        (recipe("recipes.data.CIFARData"), 10),
        (recipe("CIFARData", {"num_classes": 100}), 100),
        (recipe("ImageFolderData", {"folder": {"train_size": 1_281_167}}), 1000),
        (recipe("ImageFolderData", {"folder": {"train_size": 500}}), None),
        (recipe("ImageFolderData"), None),
    ],
)
def test_classes_that_the_data_is_known_to_have(written: dict[str, Any], count: int | None) -> None:
    assert known_classes(written) == count


def test_values_are_found_and_replaced_by_path() -> None:
    written = {"a": {"b": [1], "c": None}}
    assert value_at(written, "a.b") == [1]
    assert value_at(written, "a.c.d") is value_at(written, "a.b.x") is value_at(written, "x") is None
    assert apply(written, {"a.c.d": 2, "e": 3}) == {"a": {"b": [1], "c": {"d": 2}}, "e": 3}
    assert written == {"a": {"b": [1], "c": None}}


def test_absolute_folders_are_moved_into_the_temporary_one() -> None:
    saving = {"class_path": "ExactResume", "init_args": {"every": "1ep", "dirpath": "/home/me/runs"}}
    relative = {"class_path": "SnapshotEnsemble", "init_args": {"dirpath": "snapshots"}}
    logger = {"class_path": "CSVLogger", "init_args": {"save_dir": "/home/me/logs"}}
    written = recipe("DigitsData", callbacks=[saving, relative], logger=logger, default_root_dir="/home/me")
    trainer = apply(written, changes(written, FOLDER, has_accelerator=False))["trainer"]
    moved = {"class_path": "ExactResume", "init_args": {"every": "1ep", "dirpath": "/tmp/smoke/home/me/runs"}}
    assert trainer["callbacks"] == [moved, relative]
    assert trainer["logger"]["init_args"] == {"save_dir": "/tmp/smoke/home/me/logs"}
    assert trainer["default_root_dir"] is None


def test_relative_folders_and_loggers_switched_off_stay() -> None:
    relative = {"class_path": "SnapshotEnsemble", "init_args": {"dirpath": "snapshots"}}
    found = changes(recipe("DigitsData", callbacks=[relative], logger=False), FOLDER, has_accelerator=False)
    assert not {"trainer.callbacks", "trainer.logger"} & set(found)


def test_photographs_that_are_not_generated_keep_their_number() -> None:
    written = recipe("PhotoPatchesData", {"folder": {"train_size": 1000}})
    folder = apply(written, changes(written, FOLDER, has_accelerator=False))["data"]["init_args"]["folder"]
    assert folder == {"train_size": 1000, "cache": "/tmp/smoke/cache"}
