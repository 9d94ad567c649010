"""What ``smoke`` changes of a recipe, value by value, so that two steps on generated images run anywhere."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from recipes._smoke_data import GENERATED, TRAIN_FILES

__all__ = ["STEPS", "Changes", "apply", "changes", "known_classes", "value_at"]

STEPS: Final = 2
BATCH_SIZE: Final = 2
MOST_ACCUMULATED: Final = 2
#: Training images of ImageNet, and its classes.
IMAGENET: Final = (1_281_167, 1000)
#: Classes of data modules that have always as many.
CLASSES: Final = {"CIFARData": 10, "DigitsData": 10, "FashionMNISTData": 10, "PhotoPatchesData": 10}
IN_WORKERS: Final = {"CIFARData", "ImageFolderData", "PhotoPatchesData"}
IN_FOLDERS: Final = {"ImageFolderData", "PhotoPatchesData"}
#: Where the run is, how long an evaluation waits, and what it says: whatever the recipe has.
PLACE: Final[dict[str, Any]] = {
    "trainer.accelerator": "auto",
    "trainer.devices": 1,
    "trainer.num_nodes": 1,
    "trainer.strategy": "auto",
    "trainer.limit_val_batches": 1,
    "trainer.limit_test_batches": 1,
    "trainer.val_check_interval": 1.0,
    "trainer.check_val_every_n_epoch": 1,
    "trainer.min_epochs": None,
    "trainer.min_steps": None,
    "trainer.log_every_n_steps": 1,
    "trainer.enable_progress_bar": False,
    "trainer.enable_model_summary": False,
    "trainer.default_root_dir": None,
}

#: Arguments of callbacks and loggers that name folders to write to.
FOLDERS: Final = {"dirpath", "save_dir"}

#: Path in the YAML, with dots -> its new value.
Changes = dict[str, Any]


def changes(recipe: Mapping[str, Any], folder: Path, *, has_accelerator: bool) -> Changes:
    """List what is changed. The length of the run is not: durations of schedules mean what they did.

    Args:
        recipe: The YAML.
        folder: For all that is written.
        has_accelerator: Whether the machine has a GPU or its like, which can compute in 16-bit floats.
    """
    accumulated = min(value_at(recipe, "trainer.accumulate_grad_batches") or 1, MOST_ACCUMULATED)
    found = {
        **PLACE,
        "trainer.accumulate_grad_batches": accumulated,
        "trainer.limit_train_batches": STEPS * accumulated,
        **_data_changes(recipe, folder),
    }
    precision = str(value_at(recipe, "trainer.precision"))
    if precision.startswith("16") and not has_accelerator:
        found["trainer.precision"] = f"bf{precision}" if precision != "16" else "bf16-mixed"
    for path in ("trainer.callbacks", "trainer.logger"):
        if (moved := _inside(old := value_at(recipe, path), folder)) != old:
            found[path] = moved
    if value_at(recipe, "model.model_options.weights") is not None:
        found["model.model_options.weights"] = str(folder / "weights.pth")
    return found


def _data_changes(recipe: Mapping[str, Any], folder: Path) -> Changes:
    name, found = data_name(recipe), Changes()
    if name in GENERATED or name in IN_FOLDERS:
        found["data.init_args.root"] = str(folder / "data")
        found["data.init_args.batch_size"] = BATCH_SIZE if value_at(recipe, "model.optimizer") else 1
    if name in IN_WORKERS:
        found["data.init_args.num_workers"] = 0
    if name in IN_FOLDERS:
        found["data.init_args.folder.cache"] = str(folder / "cache")
    if name in IN_FOLDERS and name in GENERATED:
        found["data.init_args.folder.val_labels"] = None
        has_size = value_at(recipe, "data.init_args.folder.train_size") is not None
        found["data.init_args.folder.train_size"] = TRAIN_FILES if has_size else None
    return found


def _inside(value: Any, folder: Path) -> Any:
    """Move absolute folders into the temporary one, where the relative ones are."""
    if isinstance(value, list):
        return [_inside(entry, folder) for entry in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: str(folder / entry.lstrip("/"))
        if key in FOLDERS and str(entry).startswith("/")
        else _inside(entry, folder)
        for key, entry in value.items()
    }


def data_name(recipe: Mapping[str, Any]) -> str:
    """Return the last name of the class of the data module."""
    return str(value_at(recipe, "data.class_path")).rpartition(".")[2]


def known_classes(recipe: Mapping[str, Any]) -> int | None:
    """Return how many classes the real data has; None where nobody knows."""
    if value_at(recipe, "data.init_args.folder.train_size") == IMAGENET[0]:
        return IMAGENET[1]
    return value_at(recipe, "data.init_args.num_classes") or CLASSES.get(data_name(recipe))


def value_at(recipe: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path with dots; None if there is none.

    Example:
        >>> value_at({"trainer": {"devices": 8}}, "trainer.devices"), value_at({}, "trainer.devices")
        (8, None)
    """
    value: Any = recipe
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def apply(recipe: Mapping[str, Any], found: Changes) -> dict[str, Any]:
    """Return a copy with other values.

    Args:
        recipe: The YAML; left as it is.
        found: Where, and what.

    Example:
        >>> apply({"trainer": {"devices": 8}}, {"trainer.devices": 1, "data.init_args.root": "/tmp"})
        {'trainer': {'devices': 1}, 'data': {'init_args': {'root': '/tmp'}}}
    """
    changed = deepcopy(dict(recipe))
    for path, value in found.items():
        *parents, last = path.split(".")
        place = changed
        for name in parents:
            if place.get(name) is None:
                place[name] = {}
            place = place[name]
        place[last] = value
    return changed
