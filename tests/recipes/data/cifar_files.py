"""Writes the archives of CIFAR: what ``recipes.data._cifar_files`` reads, as Python 2 pickled it or as plain bytes."""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np


class Python2(pickle._Pickler):  # the one in Python, whose parts can be replaced
    """Writes texts as Python 2 did: of bytes."""

    write: Any
    memoize: Any
    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_bytes(self, value: bytes) -> None:
        self.write(pickle.BINSTRING + len(value).to_bytes(4, "little") + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


def python2(content: Any) -> bytes:
    file = BytesIO()
    Python2(file, protocol=2).dump(content)
    return file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")  # NumPy 1, as there


def rows(count: int, start: int, num_classes: int) -> tuple[Any, list[int], list[int]]:
    """Return pixels (count, 3072) that begin with their number, labels, and coarse labels."""
    pixels = np.random.default_rng([start]).integers(0, 256, (count, 3072), dtype=np.uint8)
    numbers = np.arange(start, start + count)
    pixels[:, 0], pixels[:, 1] = numbers // 256, numbers % 256
    return pixels, (numbers % num_classes).tolist(), (numbers % 20).tolist()


def write_cifar(root: Path, num_classes: int, *, is_binary: bool, num_train: int, num_test: int) -> Path:
    """Write one archive's folder into ``root``."""
    ten = num_classes == 10
    folder = root / ("cifar-10-batches-" if ten else "cifar-100-") / ""
    names = {(True, False): "cifar-10-batches-py", (True, True): "cifar-10-batches-bin"}
    names |= {(False, False): "cifar-100-python", (False, True): "cifar-100-binary"}
    folder = root / names[ten, is_binary]
    folder.mkdir(parents=True)
    batches = [f"data_batch_{number}" for number in range(1, 6)] if ten else ["train"]
    start = 0
    for name in [*batches, "test_batch" if ten else "test"]:
        count = num_train // len(batches) if name in batches else num_test
        pixels, labels, coarse = rows(count, start, num_classes)
        start += count
        if is_binary:
            columns = [labels] if ten else [coarse, labels]
            records = np.concatenate([np.array(columns, dtype=np.uint8).T, pixels], axis=1)
            (folder / f"{name}.bin").write_bytes(records.tobytes())
        else:
            content = {b"data": pixels, b"labels": labels} if ten else {b"data": pixels, b"fine_labels": labels}
            more = {b"batch_label": name.encode()} if ten else {b"coarse_labels": coarse}
            (folder / name).write_bytes(python2({**content, **more, b"filenames": [b"a.png"] * count}))
    return root
