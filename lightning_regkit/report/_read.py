"""Find runs below folders, and read them."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lightning_regkit._checks import message
from lightning_regkit.report._config import read_yaml
from lightning_regkit.report._csv_log import read_metrics, read_table
from lightning_regkit.report._event_log import EVENT_FILES, read_events
from lightning_regkit.report._run import Run

__all__ = ["read_run", "read_runs"]

METRICS = "metrics.csv"
TRIALS = "trials.csv"
#: Settings, and whether they are all there is to set; what a later file says replaces what an earlier one says.
SETTINGS = (("hparams.yaml", False), ("config.yaml", True))
#: What Lightning writes as a metric and is none: the value of an experiment that logged no metric for its settings.
PLACEHOLDERS = frozenset({"hp_metric"})


def read_runs(folders: Sequence[Path]) -> tuple[Run, ...]:
    r"""Read every run at or below some folders.

    A run is a folder that holds ``metrics.csv``, event files of TensorBoard, or the ``trials.csv`` of a search. Runs
    are named by the shortest path that tells them apart.

    Args:
        folders: Where to look, such as ``lightning_logs``; links are not followed.

    Returns:
        The runs, those of each folder in the order of their paths, numbers in them by size; each once.

    Raises:
        ImportError: There are event files, and tensorboard is not installed.
        ValueError: ``folders`` is empty, there is no run in one of them, or a file cannot be understood.

    Example:
        >>> from tempfile import mkdtemp
        >>> folder = Path(mkdtemp()) / "version_0"
        >>> folder.mkdir()
        >>> _ = (folder / "metrics.csv").write_text("step,val_loss\n9,0.5\n19,0.25\n")
        >>> [(run.name, run.series["val_loss"].values) for run in read_runs([folder.parent])]
        [('version_0', (0.5, 0.25))]
    """
    if not folders:
        raise ValueError(message("report", "RUN", "be at least one folder", list(folders)))
    found: dict[Path, None] = {}
    for folder in folders:
        below = [Path(os.path.normpath(run.absolute())) for run in _below(folder)]
        if not below:
            condition = f"hold {METRICS}, event files or {TRIALS}, at any depth"
            raise ValueError(message("report", "RUN", condition, str(folder)))
        found |= dict.fromkeys(below)
    return tuple(read_run(path, name) for path, name in _named(list(found)))


def read_run(folder: Path, name: str) -> Run:
    r"""Read what one folder holds.

    Where CSV and event files have a series of the same name, that of the CSV is taken: its numbers are not rounded.

    Args:
        folder: The folder itself, not one above it.
        name: What to call the run.

    Returns:
        The run.

    Raises:
        ImportError: There are event files, and tensorboard is not installed.
        ValueError: A file cannot be understood.

    Example:
        >>> from tempfile import mkdtemp
        >>> folder = Path(mkdtemp())
        >>> _ = (folder / "hparams.yaml").write_text("lr: 0.1\n")
        >>> read_run(folder, "first").config
        {'lr': '0.1'}
    """
    events = read_events(files) if (files := list(folder.glob(EVENT_FILES))) else {}
    metrics = read_metrics(folder / METRICS) if (folder / METRICS).is_file() else {}
    settings = [(read_yaml(folder / file), is_whole) for file, is_whole in SETTINGS if (folder / file).is_file()]
    config: dict[str, str] = {}
    for part, _ in settings:
        config |= part
    series = {tag: each for tag, each in {**events, **metrics}.items() if tag not in PLACEHOLDERS}
    trials = read_table(folder / TRIALS) if (folder / TRIALS).is_file() else None
    return Run(name, series, config, is_whole=any(is_whole for _, is_whole in settings), trials=trials)


def _named(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Name paths by what tells them apart; one that is above others, as that of a search, by its last part."""
    lowest = [path for path in paths if not any(path in other.parents for other in paths)]
    above = Path(os.path.commonpath([path.parent for path in lowest]))
    for path in paths:
        yield path, path.relative_to(above).as_posix() if above in path.parents else path.name


def _below(folder: Path) -> Iterator[Path]:
    """Yield the folders that hold a run."""
    for path, folders, files in os.walk(folder):
        folders.sort(key=_natural)
        if {METRICS, TRIALS} & set(files) or any(Path(file).match(EVENT_FILES) for file in files):
            yield Path(path)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sort ``version_10`` after ``version_9``."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
