"""Real photographs that ship inside scikit-image and scikit-learn, and patches of their halves."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from recipes.data._jpeg import Pixels

__all__ = ["PARTS", "SOURCES", "write_patches"]

#: Class -> its photograph (H, W, 3). Nothing is downloaded.
SOURCES: Final[dict[str, Callable[[], Pixels]]] = {
    "astronaut": skimage.data.astronaut,
    "cat": skimage.data.chelsea,
    "coffee": skimage.data.coffee,
    "flower": lambda: load_sample_image("flower.jpg"),
    "galaxies": skimage.data.hubble_deep_field,
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],  # type: ignore[no-untyped-call]  # it has no types
    "retina": skimage.data.retina,
    "rocket": skimage.data.rocket,
    "temple": lambda: load_sample_image("china.jpg"),
    "tissue": skimage.data.immunohistochemistry,
}
#: Part -> files of each class.
PARTS: Final = {"train": 100, "val": 25}
SIDES_PX: Final = (96, 160)
SMALLEST_SHARE: Final = 0.5
QUALITY: Final = 90


def write_patches(root: Path) -> None:
    """Write ``<part>/<class>/NNN.jpg``: patches of left halves for training, of right halves for validation.

    Args:
        root: An empty folder. Its content is the same on every machine that decodes and encodes alike.
    """
    for label, (name, load) in enumerate(SOURCES.items()):
        photo = load()
        middle = photo.shape[1] // 2
        for part, half in (("train", photo[:, :middle]), ("val", photo[:, middle:])):
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(PARTS[part]):
                generator = np.random.default_rng([label, number, middle])
                _patch(half, generator).save(folder / f"{number:03}.jpg", quality=QUALITY)


def _patch(photo: Pixels, generator: np.random.Generator) -> Image.Image:
    """Cut a window of a random shape, from half the largest one up, somewhere, and bring it to a small size."""
    height, width = (int(side) for side in generator.integers(*SIDES_PX, size=2, endpoint=True))
    largest = min(photo.shape[0] / height, photo.shape[1] / width)
    zoom = largest * generator.uniform(SMALLEST_SHARE, 1)
    top, left = generator.random(2) * (photo.shape[0] - zoom * height, photo.shape[1] - zoom * width)
    box = (left, top, left + zoom * width, top + zoom * height)
    return Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC, box=box)
