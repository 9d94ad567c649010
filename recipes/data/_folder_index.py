"""Which files a folder of classes holds."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import numpy as np

__all__ = ["FolderIndex", "index_of", "list_classes", "list_folder", "names_in", "some"]

Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

SUFFIXES: Final = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
NAMED: Final = 5


@final
@dataclass(frozen=True)
class FolderIndex:
    """Files with their classes, as arrays: workers share them, where lists of texts would be copied piece by piece.

    Args:
        folder: Where the files are.
        classes: Names of the classes, in order: the label is the position in it.
        names: Paths of the files in the folder, one behind the other.
        ends: Where each of them ends in ``names``, (N,).
        labels: Class of each file (N,).

    Example:
        >>> index = index_of(Path("val"), ("cat", "dog"), [("cat/1.jpg", 0), ("dog/1.jpg", 1)])
        >>> len(index), index.path(1), index.label(1)
        (2, 'val/dog/1.jpg', 1)
    """

    folder: str
    classes: tuple[str, ...]
    names: bytes
    ends: Integers
    labels: Integers

    def __len__(self) -> int:
        return len(self.ends)

    def name(self, position: int) -> str:
        """Path of one file in the folder."""
        start = self.ends[position - 1] if position else 0
        return os.fsdecode(self.names[start : self.ends[position]])

    def path(self, position: int) -> str:
        """Path of one file."""
        return os.path.join(self.folder, self.name(position))

    def label(self, position: int) -> int:
        """Class of one file."""
        return int(self.labels[position])

    @property
    def strange(self) -> list[str]:
        """Paths of the files whose names do not end like those of images."""
        lowered, endings = self.names.lower(), tuple(suffix.encode() for suffix in SUFFIXES)
        spans = zip([0, *self.ends[:-1]], self.ends, strict=True)
        return [self.path(row) for row, span in enumerate(spans) if not lowered[slice(*span)].endswith(endings)]


def index_of(folder: Path, classes: tuple[str, ...], files: Iterable[tuple[str, int]]) -> FolderIndex:
    """Make an index.

    Args:
        folder: Where the files are.
        classes: Names of the classes.
        files: Paths in the folder, with labels.
    """
    names, labels = zip(*files, strict=True)
    encoded = [os.fsencode(name) for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    return FolderIndex(str(folder), classes, b"".join(encoded), ends, np.array(labels, dtype=np.int64))


def list_folder(owner: str, folder: Path) -> FolderIndex:
    """List the files of every class, in the order of their names, as torchvision's ``ImageFolder`` does.

    Args:
        owner: Name for messages.
        folder: Holds a folder for each class, which holds files alone. Names that begin with a dot are passed over.

    Raises:
        ValueError: There is no class or an empty one, an image beside the classes, or a folder inside of one.
    """
    classes = list_classes(folder)
    loose = [name for name in names_in(folder) if name.lower().endswith(SUFFIXES)]
    if loose or not classes:
        got = f"the image {loose[0]}" if loose else "none"
        raise ValueError(f"{owner}: {folder} must hold one folder for each class and no images, got {got}.")
    files: list[tuple[str, int]] = []
    empty = []
    for label, name in enumerate(classes):
        if inner := list_classes(folder / name):
            raise ValueError(
                f"{owner}: {folder / name} must hold images alone, got the folder {inner[0]}. Move it away."
            )
        found = sorted(names_in(folder / name))
        files += ((f"{name}/{file}", label) for file in found)
        empty += [] if found else [name]
    if empty:
        raise ValueError(f"{owner}: every class in {folder} must have images, got none of {some(empty)}.")
    return index_of(folder, classes, files)


def list_classes(folder: Path) -> tuple[str, ...]:
    """Return the names of the folders in a folder, sorted."""
    with os.scandir(folder) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))


def names_in(folder: Path) -> list[str]:
    """Return the names of all that is in a folder and is none; links that lead nowhere are among them."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if not entry.is_dir() and not entry.name.startswith(".")]


def some(names: Sequence[str]) -> str:
    """Write a few names, and how many more there are.

    Example:
        >>> some(["cat", "dog"]), some("abcdefgh")
        ('cat, dog', 'a, b, c, d, e and 3 more')
    """
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
