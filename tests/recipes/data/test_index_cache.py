import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest

from recipes.data import _index_cache
from recipes.data._folder_index import FolderIndex, list_folder
from recipes.data._index_cache import cached_index, default_cache
from tests.recipes.data.zoo import write_folder


def age(folder: Path, seconds: int = 3600) -> None:
    """Let the folders have been changed a while ago."""
    then = time.time_ns() - seconds * 10**9
    for path in (folder, *folder.iterdir()):
        os.utime(path, ns=(then, then))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train = write_folder(tmp_path, {"train": (2, 1)}) / "train"
    age(train)
    return train


@pytest.fixture(autouse=True)
def listings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every folder that is really listed."""
    found: list[Path] = []

    def watched(owner: str, folder: Path) -> FolderIndex:
        found.append(folder)
        return list_folder(owner, folder)

    monkeypatch.setattr(_index_cache, "list_folder", watched)
    return found


def content(index: FolderIndex) -> Any:
    rows = [(index.path(row), index.label(row)) for row in range(len(index))]
    return index.folder, index.classes, rows


def test_a_folder_is_listed_once(folder: Path, tmp_path: Path, listings: list[Path]) -> None:
    cache = tmp_path / "cache"
    first, second = (cached_index("Owner", folder, cache) for _ in range(2))

    assert listings == [folder]
    assert content(first) == content(second)
    assert [row[0] for row in content(second)[2]] == [
        f"{folder}/{name}" for name in ("a/0000.JPEG", "a/0001.JPEG", "b/0002.JPEG")
    ]
    assert second.strange == []
    (file,) = cache.iterdir()  # whole, and nothing beside it
    assert file.suffix == ".npz"


def add(folder: Path) -> None:
    (folder / "b" / "new.jpg").touch()


def remove(folder: Path) -> None:
    (folder / "a" / "0000.JPEG").unlink()


def rename(folder: Path) -> None:
    (folder / "b").rename(folder / "c")


def add_class(folder: Path) -> None:
    (folder / "c").mkdir()
    (folder / "c" / "new.jpg").touch()


@pytest.mark.parametrize("change", [add, remove, rename, add_class], ids=lambda change: change.__name__)
@pytest.mark.parametrize("is_long_ago", [True, False])
def test_a_change_is_noticed(
    change: Any, is_long_ago: bool, folder: Path, tmp_path: Path, listings: list[Path]
) -> None:
    before = cached_index("Owner", folder, tmp_path / "cache")
    change(folder)
    if is_long_ago:
        age(folder, seconds=1800)

    after = cached_index("Owner", folder, tmp_path / "cache")

    assert len(listings) == 2
    assert content(after) != content(before)
    assert content(after) == content(list_folder("Owner", folder))


def test_an_image_beside_the_classes_is_noticed(folder: Path, tmp_path: Path) -> None:
    cached_index("Owner", folder, tmp_path / "cache")
    (folder / "loose.jpg").touch()

    with pytest.raises(ValueError, match=r"got the image loose\.jpg"):
        cached_index("Owner", folder, tmp_path / "cache")


def test_what_has_just_changed_is_not_kept_for_it_may_change_in_the_same_instant(
    folder: Path, tmp_path: Path, listings: list[Path]
) -> None:
    add(folder)
    for _ in range(2):
        cached_index("Owner", folder, tmp_path / "cache")

    assert len(listings) == 2


def test_folders_have_lists_of_their_own(folder: Path, tmp_path: Path, listings: list[Path]) -> None:
    other = write_folder(tmp_path / "other", {"train": (1, 1)}) / "train"
    age(other)
    for _ in range(2):
        assert len(cached_index("Owner", folder, tmp_path / "cache")) == 3
        assert len(cached_index("Owner", other, tmp_path / "cache")) == 2

    assert listings == [folder, other]


@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "nonsense", "half"])
def test_a_broken_list_is_written_again(
    damage: bytes | None, folder: Path, tmp_path: Path, listings: list[Path]
) -> None:
    cache = tmp_path / "cache"
    expected = content(cached_index("Owner", folder, cache))
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-200] if damage is None else damage)

    for _ in range(2):
        assert content(cached_index("Owner", folder, cache)) == expected
    assert len(listings) == 2


def test_a_cache_that_cannot_be_written_is_no_error(
    folder: Path, tmp_path: Path, listings: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.INFO):
        index = cached_index("Owner", folder, tmp_path / "file" / "cache")

    assert len(index) == 3
    (record,) = caplog.records
    assert record.getMessage().startswith(f"Owner: the index of {folder} is not kept: ")


def test_a_write_that_fails_leaves_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    assert len(cached_index("Owner", folder, tmp_path / "cache")) == 3
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "lightning_regkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "lightning_regkit"
