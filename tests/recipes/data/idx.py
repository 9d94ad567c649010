"""Writes idx files: what ``recipes.data._idx`` reads."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np


def write_idx(path: Path, values: np.ndarray[Any, np.dtype[np.uint8]]) -> Path:
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    with gzip.open(path, "wb") as file:
        file.write(header + values.tobytes())
    return path


def write_data_set(root: Path, num_train: int, num_test: int) -> Path:
    """Write the four files: labels cycle through the classes, the first pixel says which image it is."""
    for part, count in (("train", num_train), ("t10k", num_test)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        images[:, 0, 0], images[:, 0, 1] = np.arange(count) // 256, np.arange(count) % 256
        write_idx(root / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(root / f"{part}-labels-idx1-ubyte.gz", (np.arange(count) % 10).astype(np.uint8))
    return root
