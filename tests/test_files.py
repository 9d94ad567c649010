"""Files that are whole or not there, also when the writer is killed, runs out of space or meets another writer."""

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from lightning_regkit import _files
from lightning_regkit._files import part_of, write_whole

ROOT = Path(__file__).parents[1]
OLD, NEW = b"old" * 1000, b"new" * 2000

#: Writes a file and kills itself at one point on the way: in the middle of the write, before each later call.
KILLED = """
import os, signal, sys
from pathlib import Path
from lightning_regkit import _files

point, target = sys.argv[1], Path(sys.argv[2])
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
calls = []
fsync = os.fsync

def counted(descriptor):
    calls.append(descriptor)
    if (point, len(calls)) in {("sync", 1), ("folder", 2)}:
        die()
    fsync(descriptor)

if point == "rename":
    Path.replace = die
_files.os.fsync = counted
if point == "write":
    claimed = _files._claimed
    class File:
        def __init__(self, file): self.file = file
        def write(self, content):
            self.file.write(content[: len(content) // 2]); self.file.flush(); die()
    from contextlib import contextmanager
    @contextmanager
    def half(part):
        with claimed(part) as file:
            yield File(file)
    _files._claimed = half
_files.write_whole(target, b"new" * 2000)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fail(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_the_name_of_the_part() -> None:
    assert part_of(Path("/runs/last.ckpt")) == Path("/runs/.last.ckpt.part")


def test_no_search_for_checkpoints_finds_a_part(tmp_path: Path) -> None:
    part_of(tmp_path / "last.ckpt").touch()
    assert [*tmp_path.glob("last*.ckpt"), *tmp_path.glob("*.ckpt")] == []


@pytest.mark.parametrize("content", [b"", b"x", NEW, memoryview(NEW)])
def test_writes_all_of_it_and_nothing_else(tmp_path: Path, content: bytes | memoryview) -> None:
    target = tmp_path / "deep" / "er" / "last.ckpt"
    write_whole(target, content)
    assert target.read_bytes() == bytes(content)
    assert names(target.parent) == {"last.ckpt"}


def test_replaces_a_longer_file_and_a_longer_leftover(tmp_path: Path) -> None:
    target = tmp_path / "last.ckpt"
    target.write_bytes(OLD)
    part_of(target).write_bytes(NEW)
    write_whole(target, b"short")
    assert target.read_bytes() == b"short"
    assert names(tmp_path) == {"last.ckpt"}


def test_leaves_the_leftovers_of_other_targets(tmp_path: Path) -> None:
    other = part_of(tmp_path / "other.ckpt")
    other.write_bytes(OLD)
    write_whole(tmp_path / "last.ckpt", NEW)
    assert names(tmp_path) == {"last.ckpt", other.name}


def test_replaces_a_link_and_not_what_it_points_at(tmp_path: Path) -> None:
    best, last = tmp_path / "best.ckpt", tmp_path / "last.ckpt"
    best.write_bytes(OLD)
    last.symlink_to(best)
    write_whole(last, NEW)
    assert (best.read_bytes(), last.read_bytes()) == (OLD, NEW)
    assert not last.is_symlink()


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "last.ckpt", NEW)
    finally:
        os.umask(before)
    assert (tmp_path / "last.ckpt").stat().st_mode & 0o777 == 0o640


def test_syncs_the_whole_file_renames_it_then_syncs_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, seen = tmp_path / "last.ckpt", []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        stat = os.fstat(descriptor)
        is_folder = os.path.samestat(stat, tmp_path.stat())
        seen.append(("folder" if is_folder else stat.st_size, target.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    write_whole(target, NEW)
    assert seen == [(len(NEW), False), ("folder", True)]


@pytest.mark.parametrize(
    ("point", "content", "has_leftover"),
    [("write", OLD, True), ("sync", OLD, True), ("rename", OLD, True), ("folder", NEW, False)],
)
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path, point: str, content: bytes, has_leftover: bool) -> None:
    target = tmp_path / "last.ckpt"
    target.write_bytes(OLD)
    killed = subprocess.run([sys.executable, "-c", KILLED, point, str(target)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert target.read_bytes() == content
    assert part_of(target).exists() == has_leftover
    write_whole(target, NEW)
    assert target.read_bytes() == NEW
    assert names(tmp_path) == {"last.ckpt"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    target = tmp_path / "last.ckpt"
    target.write_bytes(OLD)

    def full(descriptor: int) -> None:
        raise fail(number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        write_whole(target, NEW)
    assert caught.value.errno == number
    assert target.read_bytes() == OLD
    assert names(tmp_path) == {"last.ckpt"}


def test_a_write_that_stops_half_way(tmp_path: Path) -> None:
    target = tmp_path / "last.ckpt"
    target.write_bytes(OLD)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(NEW) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(target, NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert target.read_bytes() == OLD
    assert names(tmp_path) == {"last.ckpt"}


def test_an_interrupt_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "last.ckpt"
    target.write_bytes(OLD)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(target, NEW)
    assert target.read_bytes() == OLD
    assert names(tmp_path) == {"last.ckpt"}


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "runs" / "last.ckpt", NEW)


@pytest.mark.parametrize("ending", ["renames", "fails"])
def test_a_second_writer_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    target = tmp_path / "last.ckpt"
    entered, waiting, go = Event(), Event(), Event()
    fsync, flock = os.fsync, fcntl.flock
    seen: list[bytes] = []

    def slow(descriptor: int) -> None:
        if not entered.is_set():
            entered.set()
            assert go.wait(10)
            seen.append(part_of(target).read_bytes())
            if ending == "fails":
                raise fail(errno.ENOSPC)
        fsync(descriptor)

    def announced(file: Any, how: int) -> None:
        if entered.is_set():
            waiting.set()
        flock(file, how)

    def first() -> None:
        try:
            write_whole(target, OLD)
        except OSError as error:
            seen.append(os.strerror(error.errno or 0).encode())

    monkeypatch.setattr(os, "fsync", slow)
    monkeypatch.setattr(fcntl, "flock", announced)
    one = Thread(target=first)
    two = Thread(target=write_whole, args=(target, NEW))
    one.start()
    assert entered.wait(10)
    two.start()
    assert waiting.wait(10)
    two.join(0.05)
    assert two.is_alive()
    go.set()
    one.join(10)
    two.join(10)
    assert seen == ([OLD] if ending == "renames" else [OLD, b"No space left on device"])
    assert target.read_bytes() == NEW
    assert names(tmp_path) == {"last.ckpt"}


def test_many_writers_of_one_target(tmp_path: Path) -> None:
    target = tmp_path / "last.ckpt"
    contents = [bytes([index]) * (1 << 16) for index in range(8)]
    writers = [Thread(target=write_whole, args=(target, content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(10)
    assert target.read_bytes() in contents
    assert names(tmp_path) == {"last.ckpt"}


@pytest.mark.parametrize("number", sorted(_files.UNSUPPORTED))
def test_a_file_system_without_locks_and_folder_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fsync = os.fsync

    def only_files(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise fail(number)
        fsync(descriptor)

    def unlocked(*_: object) -> None:
        raise fail(number)

    monkeypatch.setattr(os, "fsync", only_files)
    monkeypatch.setattr(fcntl, "flock", unlocked)
    write_whole(tmp_path / "last.ckpt", NEW)
    assert (tmp_path / "last.ckpt").read_bytes() == NEW


def test_a_disk_that_fails_to_sync_the_folder_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise fail(errno.EIO)

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        write_whole(tmp_path / "last.ckpt", NEW)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        write_whole(tmp_path / "last.ckpt", NEW)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
