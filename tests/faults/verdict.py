"""What a run left behind, and how it differs from an uninterrupted one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_regkit.plugins import AtomicCheckpointIO

__all__ = ["damages", "differences", "is_finished", "lost_rows"]


def is_finished(folder: Path, devices: int) -> bool:
    """Tell whether every rank reached the end of the training."""
    return all((folder / f"final{rank}.pt").exists() for rank in range(devices))


def differences(expected: Path, found: Path) -> list[str]:
    """Compare two finished runs, bit for bit: weights, optimizer and metrics of each rank, and the rows logged.

    Every row logged, by any of the processes that wrote one after another, must be one of the uninterrupted run.
    """
    names = sorted(path.name for path in expected.glob("final*.pt"))
    differing = [
        f"{name}{place}"
        for name in names
        for place in _differing(torch.load(expected / name), torch.load(found / name), "")
    ]
    return differing + [f"row {row}" for row in sorted(_rows(found) - _rows(expected))]


def lost_rows(expected: Path, found: Path) -> list[str]:
    """List the rows of the uninterrupted run that were never logged, because a kill came between save and log."""
    return sorted(_rows(expected) - _rows(found))


def damages(checkpoints: Path, *, parts: int) -> list[str]:
    """List what is wrong with a folder of checkpoints: files that are not whole, more than ``parts`` hidden ones."""
    paths = sorted(checkpoints.iterdir()) if checkpoints.exists() else []
    hidden = [path.name for path in paths if path.name.startswith(".") and path.name.endswith(".part")]
    wrong = [f"{len(hidden)} parts: {hidden}"] if len(hidden) > parts else []
    for path in paths:
        if path.name not in hidden:
            try:
                AtomicCheckpointIO().load_checkpoint(path, weights_only=True)
            except Exception as error:  # noqa: BLE001  # whatever it is, the file is not whole
                wrong.append(f"{path.name}: {error!r}")
    return wrong


def _rows(folder: Path) -> set[str]:
    return set((folder / "rows.jsonl").read_text().splitlines())


def _differing(expected: Any, found: Any, place: str) -> Iterator[str]:
    if type(expected) is not type(found):
        yield f"{place}: {type(expected)}, {type(found)}"
    elif isinstance(expected, Tensor):
        if not torch.equal(expected, found):
            yield place
    elif isinstance(expected, dict | list):
        pairs = expected.items() if isinstance(expected, dict) else enumerate(expected)
        if len(expected) != len(found):
            yield f"{place}: {len(expected)} entries, {len(found)}"
            return
        for key, value in pairs:
            yield from _differing(value, found[key], f"{place}[{key!r}]")
    elif expected != found:
        yield f"{place}: {expected}, {found}"
