"""Files that are whole or not there: written beside their target, then renamed onto it."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["part_of", "write_whole"]

#: What file systems without locks, or without a way to sync a folder, answer.
UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def part_of(path: Path) -> Path:
    """Return the hidden name in the same folder under which ``path`` is written before it is whole.

    Args:
        path: The target.

    Returns:
        A name that depends on ``path`` alone, so a killed writer leaves at most one, which the next one overwrites.

    Example:
        >>> part_of(Path("runs/last.ckpt")).as_posix()
        'runs/.last.ckpt.part'
    """
    return path.with_name(f".{path.name}.part")


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file such that ``path`` holds its old content or all of the new one, at every moment.

    The content is on the disk before the rename, the rename before the return. Writers of the same path wait for each
    other, where the file system has locks; the last one wins.

    Args:
        path: The target; missing folders are made. A link is replaced, not followed.
        content: All of its bytes.

    Raises:
        OSError: It could not be written; ``path`` is as before and nothing is left beside it.

    Example:
        >>> from tempfile import mkdtemp
        >>> target = Path(mkdtemp()) / "last.ckpt"
        >>> write_whole(target, b"whole")
        >>> target.read_bytes(), [each.name for each in target.parent.iterdir()]
        (b'whole', ['last.ckpt'])
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    with _claimed(part) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)


@contextmanager
def _claimed(part: Path) -> Iterator[BinaryIO]:
    """Open ``part`` empty, for this writer alone; the lock of a killed writer goes with it."""
    while True:
        with part.open("ab") as file:  # truncated only when it is ours: another writer may be in the middle of it
            with _where_supported():
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, part):  # the writer we waited for has renamed or removed what we opened
                file.truncate(0)
                yield file
                return


def _is_at(file: BinaryIO, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with _where_supported():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _where_supported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
