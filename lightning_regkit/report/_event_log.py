"""Scalars of TensorBoard's event files, whoever wrote them."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning_regkit.report._series import Series, in_order

__all__ = ["EVENT_FILES", "read_events"]

EVENT_FILES = "*tfevents*"
PLUGIN = "scalars"


def read_events(paths: Sequence[Path]) -> dict[str, Series]:
    """Read the scalars of one run, of TensorFlow 1's kind (as torch writes them) and of 2's.

    Where a later file repeats steps, as after a resume, the later values stay. A file whose writer was killed is read
    up to its last whole record.

    Args:
        paths: The event files of the run; they are read in the order of their names, which begin with the time.

    Returns:
        The series by tag.

    Raises:
        ImportError: tensorboard is not installed.
    """
    points: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(paths, key=lambda path: path.name):
        for tag, step, value in _scalars(path):
            points.setdefault(tag, []).append((step, value))
    return {tag: in_order(column) for tag, column in points.items()}


def _scalars(path: Path) -> Iterator[tuple[str, int, float]]:
    loaders, tensors = _tensorboard()
    kinds: dict[str, str] = {}  # only the first value of a tag says what it is
    for event in loaders.EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if kinds.setdefault(value.tag, value.metadata.plugin_data.plugin_name) == PLUGIN:
                yield value.tag, event.step, float(tensors.make_ndarray(value.tensor).item())


def _tensorboard() -> tuple[Any, Any]:
    try:
        loaders = import_module("tensorboard.backend.event_processing.event_file_loader")
        return loaders, import_module("tensorboard.util.tensor_util")
    except ModuleNotFoundError as error:
        text = "report: tensorboard must be installed to read event files. Run pip install tensorboard."
        raise ImportError(text) from error
