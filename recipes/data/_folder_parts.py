"""The two parts of an image folder, found to belong together."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

from recipes.data._folder_index import FolderIndex, list_classes, some
from recipes.data._folder_options import FolderOptions
from recipes.data._index_cache import cached_index, default_cache
from recipes.data._val_labels import check_classes, labeled_index

__all__ = ["FolderParts", "read_parts"]


@final
@dataclass(frozen=True)
class FolderParts:
    """Files of training and of evaluation; their classes are the same, in one order."""

    train: FolderIndex
    val: FolderIndex

    def has_files_of(self, other: "FolderParts | None") -> bool:
        """Tell whether another one has the same files."""
        return other is not None and (self.train.names, self.val.names) == (other.train.names, other.val.names)


def read_parts(owner: str, root: Path, options: FolderOptions) -> FolderParts:
    """List the files of both parts.

    Args:
        owner: Name for messages.
        root: Holds ``train`` and ``val``.
        options: How they are found.

    Raises:
        FileNotFoundError: A part, or the file of validation labels, is missing.
        ValueError: A part is not what it should be, or has not so many images, or they have not the same classes.
    """
    if missing := [part for part in ("train", "val") if not (root / part).is_dir()]:
        got = f"{str(root)!r} without {' and '.join(missing)}"
        raise FileNotFoundError(f"{owner}: root must hold the folders train and val, got {got}.")
    cache = Path(options.cache) if options.cache else default_cache()
    train = cached_index(owner, root / "train", cache)
    if options.train_size not in {None, len(train)}:
        remedy = "Unpack what is missing, or pass another FolderOptions(train_size=)."
        raise ValueError(
            f"{owner}: {root / 'train'} must hold {options.train_size:,} images, got {len(train):,}. {remedy}"
        )
    if options.val_labels is not None:
        val = labeled_index(owner, root / "val", Path(options.val_labels), train.classes)
    elif list_classes(root / "val"):
        val = cached_index(owner, root / "val", cache)
    else:
        remedy = "Pass FolderOptions(val_labels=) of a file with a line for each image."
        raise ValueError(f"{owner}: {root / 'val'} must hold one folder for each class, got none. {remedy}")
    present = {val.classes[label] for label in set(val.labels.tolist())}
    check_classes(owner, f"{val.folder} must have the classes of {train.folder}", present, train.classes)
    strange = [*train.strange, *val.strange]
    if strange and options.on_error == "raise":
        raise ValueError(f"{owner}: names of images must end as those of images do, got {some(strange)}. Move it away.")
    return FolderParts(train, val)
