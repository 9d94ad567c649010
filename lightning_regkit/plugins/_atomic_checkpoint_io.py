"""Checkpoints that are whole or not there, and are checked before they are loaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO, final

import torch
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from torch.serialization import get_crc32_options, get_unsafe_globals_in_checkpoint, set_crc32_options
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._files import write_whole
from lightning_regkit._lightning import pl
from lightning_regkit.plugins._checkpoint_archive import BARE, LIGHTNING, check_archive, corrupt, foreign

__all__ = ["AtomicCheckpointIO"]

OWNER = "AtomicCheckpointIO"
ONLY_PLAIN = "hold only tensors and plain Python values"
ALLOW = "call torch.serialization.add_safe_globals([...]) with these classes"
IF_SAVED = f"It is saved; to resume from it, {ALLOW}, or keep the state in tensors, numbers, strings and lists."
IF_LOADED = f"If you trust the file, {ALLOW}, or pass weights_only=False."


def on_cpu(storage: torch.UntypedStorage, _location: str) -> torch.UntypedStorage:
    """Leave a storage where it was read: in host memory, whatever device it was saved from."""
    return storage


@final
class AtomicCheckpointIO(pl.plugins.TorchCheckpointIO):
    """Save checkpoints that are whole or not there; name, and never load, one that is damaged or foreign.

    Saving to a local path writes a hidden file in the same folder, syncs it to the disk, renames it onto the target
    and syncs the folder. A killed process, a full disk or a read-only folder leaves the target as it was. Remote paths
    are saved as Lightning does. Loading first compares the checksum of every record, then loads with
    ``weights_only=True`` unless told otherwise. Only the rank that Lightning lets save writes anything.

    Saving warns once about classes that loading would refuse.

    Raises:
        CorruptCheckpointError: On load, the file is truncated, corrupted or no Lightning checkpoint.
        FileNotFoundError: On load, there is no such file.
        UnpicklingError: On load, the file holds classes that ``weights_only=True`` refuses.
        OSError: On save, the file could not be written; has the ``errno`` and ``filename`` of the cause.

    Example:
        >>> import lightning_regkit as rk
        >>> plugin = rk.plugins.AtomicCheckpointIO()  # Trainer(plugins=[plugin, ...])
        >>> plugin.load_checkpoint("runs/last.ckpt")
        Traceback (most recent call last):
        FileNotFoundError: Checkpoint file not found: runs/last.ckpt
    """

    def __init__(self) -> None:
        self._has_warned = False

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        kept = checkpoint if all(key in checkpoint for key in LIGHTNING) else {BARE: checkpoint}
        system, name = url_to_fs(str(path))
        with _checksums():
            if storage_options is not None or not isinstance(system, LocalFileSystem):
                super().save_checkpoint(kept, str(path), storage_options)
                return
            buffer = BytesIO()
            torch.save(kept, buffer)
        try:
            write_whole(Path(name), buffer.getbuffer())
        except OSError as error:
            raise _unwritten(error, name) from error
        self._warn_once(name, buffer)

    @override
    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = on_cpu,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        with _opened(path) as file:
            check_archive(str(path), file)
            file.seek(0)
            loaded = _load(str(path), file, map_location, weights_only=weights_only is not False)
        if not isinstance(loaded, dict) or not (BARE in loaded or all(key in loaded for key in LIGHTNING)):
            raise foreign(str(path), f"a torch file without {' and '.join(LIGHTNING)} at its top")
        checkpoint: dict[str, Any] = loaded.get(BARE, loaded)
        return checkpoint

    def _warn_once(self, name: str, buffer: BytesIO) -> None:
        refused = [] if self._has_warned else _refused(buffer)
        if refused:
            self._has_warned = True
            pl.utilities.rank_zero_warn(message(OWNER, f"file {name!r}", ONLY_PLAIN, refused, IF_SAVED))


@contextmanager
def _checksums() -> Iterator[None]:
    """Make torch write checksums even where they are switched off: loading compares them."""
    before = get_crc32_options()
    set_crc32_options(True)
    try:
        yield
    finally:
        set_crc32_options(before)


@contextmanager
def _opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a checkpoint where it can be read twice; a remote one is fetched once, into memory."""
    system, name = url_to_fs(str(path))
    if not system.exists(name):
        raise FileNotFoundError(f"Checkpoint file not found: {path}")
    with Path(name).open("rb") if isinstance(system, LocalFileSystem) else BytesIO(system.cat_file(name)) as file:
        yield file


def _load(name: str, file: BinaryIO, map_location: Callable[..., Any] | None, *, weights_only: bool) -> object:
    try:
        return torch.load(file, map_location=map_location, weights_only=weights_only)
    except UnpicklingError as error:
        found = _refused(file) or str(error)
        raise UnpicklingError(message(OWNER, f"file {name!r}", ONLY_PLAIN, found, IF_LOADED)) from error
    except RuntimeError as error:
        if "PytorchStreamReader" not in str(error):  # such as a device that is not there
            raise
        raise corrupt(name, "a file that torch cannot read") from error


def _refused(file: BinaryIO) -> list[str]:
    """Name the classes and functions in a checkpoint that ``weights_only=True`` refuses."""
    file.seek(0)
    try:
        return sorted(get_unsafe_globals_in_checkpoint(file))
    except UnpicklingError as error:  # a value it has no rule for, such as an integer of more than 2040 bits
        return [str(error)]


def _unwritten(error: OSError, name: str) -> OSError:
    """Word why a checkpoint was not written; ``OSError`` picks the subclass by the number, and appends the name."""
    remedy = "Free space or choose a folder that can be written; what was saved there before is untouched"
    text = message(OWNER, "folder", "take a whole file", error.strerror or str(error), remedy)
    return OSError(error.errno, text, name)
