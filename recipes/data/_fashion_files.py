"""The four files of Fashion-MNIST."""

from pathlib import Path
from typing import Final

from recipes.data._idx import Bytes, read_labeled

__all__ = ["FILES", "NUM_TRAIN", "read_part", "refuse_missing"]

#: Part -> files of its images and labels.
FILES: Final = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
NUM_TRAIN: Final = 60_000


def refuse_missing(owner: str, root: Path) -> None:
    """Refuse a folder without all four.

    Args:
        owner: Name for messages.
        root: The folder.

    Raises:
        FileNotFoundError: Names the missing ones, and where to get them.
    """
    if missing := [name for names in FILES.values() for name in names if not (root / name).is_file()]:
        raise FileNotFoundError(
            f"{owner}: root must hold the four files of Fashion-MNIST, got {str(root)!r} without {', '.join(missing)}. "
            "Install Debian's package dataset-fashion-mnist, or pass root= of a folder that has them."
        )


def read_part(owner: str, root: Path, part: str) -> tuple[Bytes, Bytes]:
    """Read one part.

    Args:
        owner: Name for messages.
        root: The folder.
        part: ``"train"`` or ``"test"``.

    Returns:
        Images (N, 28, 28) and labels (N,), uint8.

    Raises:
        ValueError: A file is not what it should be.
    """
    images, labels = FILES[part]
    return read_labeled(owner, root / images, root / labels)
