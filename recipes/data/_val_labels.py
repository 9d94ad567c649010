"""Which classes the images of a flat validation folder belong to."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from recipes.data._folder_index import FolderIndex, index_of, list_classes, names_in, some

__all__ = ["check_classes", "labeled_index"]


def labeled_index(owner: str, folder: Path, mapping: Path, classes: tuple[str, ...]) -> FolderIndex:
    """List a folder of images whose classes are in a file.

    Args:
        owner: Name for messages.
        folder: Holds images alone. Names that begin with a dot are passed over.
        mapping: A line for each image: its name, with or without suffix, and the name of its class, then anything,
            between blanks, tabs or commas. A first line that names neither image nor class is passed over.
        classes: Names of the classes, in order.

    Returns:
        The files, in the order of their names.

    Raises:
        ValueError: The file and the folder do not belong together, or a class is unknown.
    """
    if inner := list_classes(folder):
        raise ValueError(
            f"{owner}: {folder} must hold images alone where val_labels is given, got the folder {inner[0]}."
        )
    if not (files := sorted(names_in(folder))):
        raise ValueError(f"{owner}: {folder} must hold images, got none.")
    by_name = {Path(name).stem: name for name in files} | {name: name for name in files}
    labels = {name: label for label, name in enumerate(classes)}
    pairs = list(_pairs(mapping))
    if pairs and pairs[0][0] not in by_name and pairs[0][1] not in labels:
        del pairs[0]
    if unknown := sorted({name for _, name in pairs} - set(labels)):
        remedy = "Write their names: numbers mean another order to everybody."
        raise ValueError(f"{owner}: {mapping} must name classes of train, got {some(unknown)}. {remedy}")
    counts = Counter(by_name.get(name, name) for name, _ in pairs)
    wrong = sorted(set(files) - set(counts)), sorted(set(counts) - set(files)), [n for n, c in counts.items() if c > 1]
    for what, names in zip(("without a class", "that are not there", "that come twice"), wrong, strict=True):
        if names:
            raise ValueError(f"{owner}: {mapping} must name every image of {folder} once, got {some(names)}, {what}.")
    found = {by_name[name]: labels[label] for name, label in pairs}
    return index_of(folder, classes, [(name, found[name]) for name in files])


def check_classes(owner: str, where: str, found: Collection[str], wanted: Collection[str]) -> None:
    """Refuse a part that lacks classes, or has others.

    Args:
        owner: Name for messages.
        where: What the part is, and whose classes it should have.
        found: Classes of the part.
        wanted: Those that it should have.

    Raises:
        ValueError: They differ.

    Example:
        >>> check_classes("ImageFolderData", "val must have the classes of train", ["cat"], ["cat", "dog"])
        Traceback (most recent call last):
        ValueError: ImageFolderData: val must have the classes of train, got them without dog.
    """
    missing, other = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or other:
        got = [f"without {some(missing)}"] * bool(missing) + [f"with {some(other)}"] * bool(other)
        raise ValueError(f"{owner}: {where}, got them {' and '.join(got)}.")


def _pairs(mapping: Path) -> Iterator[tuple[str, str]]:
    for line in mapping.read_text().splitlines():
        name, *rest = re.split(r"[\s,]+", line.strip())
        if name:
            yield name, rest[0] if rest else ""
