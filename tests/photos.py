"""A JPEG folder of real photographs: patches of those that ship inside scikit-image and scikit-learn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import numpy as np
import skimage.data
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.utils.data import Dataset

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

#: Class -> its photograph (H, W, 3); none of them is downloaded.
SOURCES: Final[dict[str, Callable[[], Pixels]]] = {
    "astronaut": skimage.data.astronaut,
    "chelsea": skimage.data.chelsea,
    "china": lambda: load_sample_image("china.jpg"),
    "coffee": skimage.data.coffee,
    "flower": lambda: load_sample_image("flower.jpg"),
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],  # type: ignore[no-untyped-call]  # it has no types
    "rocket": skimage.data.rocket,
}
SMALLEST_SHARE: Final = 0.5
QUALITY: Final = 95


def photo_folder(root: Path, count: int, size_px: tuple[int, int] = (375, 500)) -> list[tuple[Path, int]]:
    """Write ``<root>/<class>/NNN.jpg`` and return the files with their labels.

    Args:
        root: Where the folder is or will be; files of that size that are there are kept.
        count: How many files; 7 classes take turns, and more files begin with fewer.
        size_px: Height and width of each.
    """
    names = list(SOURCES)
    items = [(root / names[i % len(names)] / f"{i // len(names):03}.jpg", i % len(names)) for i in range(count)]
    photos = {label: SOURCES[names[label]]() for label in sorted({label for _, label in items})}
    for index, (path, label) in enumerate(items):
        if not _is_there(path, size_px):
            path.parent.mkdir(parents=True, exist_ok=True)
            _patch(photos[label], index, size_px).save(path, quality=QUALITY)
    return items


def _is_there(path: Path, size_px: tuple[int, int]) -> bool:
    if not path.exists():
        return False
    with Image.open(path) as image:
        return (image.height, image.width) == size_px


def _patch(photo: Pixels, index: int, size_px: tuple[int, int]) -> Image.Image:
    """Cut a window of the right shape, from half the largest one up, somewhere, and bring it to the size."""
    height, width = size_px
    largest = min(photo.shape[0] / height, photo.shape[1] / width)
    share, down, right = np.random.default_rng([index]).random(3)
    zoom = largest * (SMALLEST_SHARE + (1 - SMALLEST_SHARE) * share)
    top, left = down * (photo.shape[0] - zoom * height), right * (photo.shape[1] - zoom * width)
    box = (left, top, left + zoom * width, top + zoom * height)
    return Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC, box=box)


@final
class Photos(Dataset[Any]):
    """Decodes a file for every item: floats (3, H, W) in [0, 1], brought to ``resize_px`` if given, and its label."""

    def __init__(self, items: list[tuple[Path, int]], resize_px: tuple[int, int] | None = None) -> None:
        self.items, self.resize_px = items, resize_px

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.items[index]
        with Image.open(path) as image:
            shown = image if self.resize_px is None else image.resize(self.resize_px[::-1])
            pixels = np.asarray(shown, dtype=np.float32)  # (H, W, 3)
        return torch.from_numpy(pixels).permute(2, 0, 1) / 255, label
