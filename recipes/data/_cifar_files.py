"""The files of CIFAR-10 and CIFAR-100: Python's pickles, of which only arrays and dicts are read, or plain bytes."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from typing_extensions import override

from recipes.data._jpeg import Pixels

__all__ = ["Labels", "load_arrays", "read_cifar"]

Labels: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Reader: TypeAlias = Callable[[str, Path, int], tuple[Pixels, Labels]]

SIDE_PX: Final = 32
PIXELS: Final = 3 * SIDE_PX**2
#: Images of each part of either data set.
NUM_IMAGES: Final = {"train": 50_000, "test": 10_000}
BATCHES: Final = [f"data_batch_{number}" for number in range(1, 6)]
FINE: Final = 100
#: Classes -> folder of pickles, folder of bytes, names of the files of each part without suffix.
LAYOUTS: Final = {
    10: ("cifar-10-batches-py", "cifar-10-batches-bin", {"train": BATCHES, "test": ["test_batch"]}),
    FINE: ("cifar-100-python", "cifar-100-binary", {"train": ["train"], "test": ["test"]}),
}
#: What a pickle of arrays and dicts asks for, under the names of NumPy 1 and 2.
ALLOWED: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
}


class Restricted(pickle.Unpickler):
    """Reads numbers, texts, lists, dicts and arrays: nothing in the file is run."""

    @override
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) in ALLOWED:
            return ALLOWED[module_name, global_name]
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")


def load_arrays(owner: str, path: Path) -> dict[bytes, Any]:
    """Read a pickle of arrays and dicts, written by Python 2 or 3.

    Args:
        owner: Name for messages.
        path: The file.

    Raises:
        ValueError: It is broken, or holds anything else.
    """
    try:
        content = Restricted(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        if isinstance(content, dict):
            return content
        reason = f"it holds a {type(content).__name__}"
    except Exception as error:  # noqa: BLE001  # a broken pickle raises whatever its bytes mean
        reason = str(error) or type(error).__name__
    raise ValueError(f"{owner}: {path} must be a pickled dict of arrays, but {reason}. Unpack the archive again.")


def read_cifar(owner: str, root: Path, num_classes: int, part: str) -> tuple[Pixels, Labels]:
    """Read one part.

    Args:
        owner: Name for messages.
        root: The folder that the archive unpacks to, or its parent.
        num_classes: 10, or 100 for the fine labels.
        part: ``"train"`` or ``"test"``.

    Returns:
        Images (N, 32, 32, 3) and labels (N,).

    Raises:
        FileNotFoundError: Files are missing.
        ValueError: A file is not what it should be.
    """
    read, files = _files(owner, root, num_classes, part)
    batches = [read(owner, path, num_classes) for path in files]
    rows, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    low, high = labels.min(initial=0), labels.max(initial=0)
    if len(rows) != NUM_IMAGES[part] or labels.shape != rows.shape[:1] or low < 0 or high >= num_classes:
        where, wanted = f"{files[0].parent}, in {files[0].name} and on", f"{NUM_IMAGES[part]:,} images"
        got = f"{len(rows):,} images and {len(labels):,} labels from {low} to {high}"
        raise ValueError(
            f"{owner}: {where}, must hold {wanted} with labels from 0 to {num_classes - 1}, got {got}. Unpack it again."
        )
    return np.ascontiguousarray(rows.reshape(-1, 3, SIDE_PX, SIDE_PX).transpose(0, 2, 3, 1)), labels


def _files(owner: str, root: Path, num_classes: int, part: str) -> tuple[Reader, list[Path]]:
    pickles, binaries, names = LAYOUTS[num_classes]
    for folder in (root, root / pickles, root / binaries):
        for suffix, read in (("", _from_pickle), (".bin", _from_bytes)):
            files = [folder / f"{name}{suffix}" for name in names[part]]
            if all(path.is_file() for path in files):
                return read, files
    got = f"{str(root)!r} without all of {', '.join(names[part])}"
    remedy = "Unpack the archive of https://www.cs.toronto.edu/~kriz/cifar.html there."
    raise FileNotFoundError(f"{owner}: root must hold {pickles} or {binaries}, got {got}. {remedy}")


def _from_pickle(owner: str, path: Path, num_classes: int) -> tuple[Pixels, Labels]:
    content = load_arrays(owner, path)
    rows: Any = content.get(b"data")
    labels = content.get(b"fine_labels" if num_classes == FINE else b"labels")
    are_rows = isinstance(rows, np.ndarray) and rows.dtype == np.uint8 and rows.shape[1:] == (PIXELS,)
    if not are_rows or not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise ValueError(f"{owner}: {path} must hold images and labels of CIFAR-{num_classes}, got {sorted(content)}.")
    return rows, np.array(labels, dtype=np.int64)


def _from_bytes(owner: str, path: Path, num_classes: int) -> tuple[Pixels, Labels]:
    num_labels = 2 if num_classes == FINE else 1  # the coarse one comes first
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    if len(data) % (record := num_labels + PIXELS):
        raise ValueError(f"{owner}: {path} must hold records of {record:,} bytes, got {len(data):,} bytes.")
    records = data.reshape(-1, record)
    return records[:, num_labels:], records[:, num_labels - 1].astype(np.int64)
