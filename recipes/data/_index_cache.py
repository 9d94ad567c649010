"""The index of a folder, kept in a file until the folder changes."""

import io
import json
import logging
import os
import tempfile
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np

from recipes.data._folder_index import FolderIndex, list_classes, list_folder

__all__ = ["cached_index", "default_cache"]

VERSION: Final = 1
#: A folder changed this recently may change again without another time stamp, ns.
SETTLED: Final = 2 * 10**9

log = logging.getLogger(__name__)


def default_cache() -> Path:
    """Where indices are kept: ``lightning_regkit`` in ``XDG_CACHE_HOME``, else in ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lightning_regkit"


def cached_index(owner: str, folder: Path, cache: Path) -> FolderIndex:
    """List a folder of classes, or read the list that was kept when it was as it is now.

    The kept list belongs to the names of the classes and the times at which their folders were last changed: files that
    come, go or are renamed change them. A file that is overwritten keeps its name, and a list holds no more than that.

    Args:
        owner: Name for messages.
        folder: As in ``list_folder``.
        cache: Where lists are kept; a folder that cannot be written is no error.

    Raises:
        ValueError: As in ``list_folder``.
    """
    path = cache / f"index-{blake2b(os.fsencode(folder.absolute()), digest_size=16).hexdigest()}.npz"
    state, begun = _state(folder), time.time_ns()
    kept = _load(path, folder, state)
    if kept is not None:
        return kept
    index = list_folder(owner, folder)
    if begun - max(changed for _, changed in state) > SETTLED:
        try:
            _save(path, index, state)
        except OSError as error:
            log.info("%s: the index of %s is not kept: %s", owner, folder, error)
    return index


def _state(folder: Path) -> list[tuple[str, int]]:
    names = ("", *list_classes(folder))  # its own time stamp is that of files beside the classes
    return [(name, (folder / name).stat().st_mtime_ns) for name in names]


def _header(state: list[tuple[str, int]]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(json.dumps([VERSION, state]).encode(), dtype=np.uint8)


def _load(path: Path, folder: Path, state: list[tuple[str, int]]) -> FolderIndex | None:
    # Whatever is wrong with the file, the folder can be listed.
    with suppress(Exception), path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        if np.array_equal(kept["header"], _header(state)):
            classes = tuple(name for name, _ in state[1:])
            return FolderIndex(str(folder), classes, kept["names"].tobytes(), kept["ends"], kept["labels"])
    return None


def _save(path: Path, index: FolderIndex, state: list[tuple[str, int]]) -> None:
    content = io.BytesIO()
    names = np.frombuffer(index.names, dtype=np.uint8)
    np.savez(content, header=_header(state), names=names, ends=index.ends, labels=index.labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        try:
            part.write(content.getbuffer())
            part.flush()
            os.fsync(part.fileno())
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink()
            raise
