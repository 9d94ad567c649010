"""Draw what each augmentation makes of one photograph.

Run from the root of the repository: ``python docs/figures/augment.py docs/_static/augment.png``. The photograph is one
that scikit-image ships.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import skimage.data
import skimage.transform
from torchvision.transforms import v2

from lightning_regkit import augment

if TYPE_CHECKING:
    import albumentations as A

    Transform: TypeAlias = A.BasicTransform | A.BaseCompose

COLUMNS: Final = 6
SHOWN_PX: Final = 64
CIFAR_PX: Final = 32
SEED: Final = 6
DPI: Final = 72

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def photograph() -> Pixels:
    """Return a photograph (300, 451, 3) of a cat."""
    image: Pixels = skimage.data.chelsea()  # type: ignore[no-untyped-call]
    return image


def center() -> Pixels:
    """Return its center (224, 224, 3), for what keeps the size."""
    square: Pixels = augment.eval_center()(image=photograph())["image"]
    return square


def tiny() -> Pixels:
    """Return its center (32, 32, 3)."""
    square: Pixels = augment.eval_center(CIFAR_PX, resize_px=CIFAR_PX)(image=photograph())["image"]
    return square


#: Name -> the image that it is given, and the transform.
ROWS: Final[dict[str, tuple[Callable[[], Pixels], Callable[[], "Transform"]]]] = {
    "resnet_train()": (photograph, augment.resnet_train),
    "inception_train()": (photograph, augment.inception_train),
    "cifar_train()": (tiny, augment.cifar_train),
    "cifar_train(\npadding='reflect')": (tiny, lambda: augment.cifar_train(padding="reflect")),
    "color_simple()": (center, augment.color_simple),
    "Lighting()": (center, augment.Lighting),
    "Lighting(\nalpha_std=0.5)": (center, lambda: augment.Lighting(alpha_std=0.5)),
    "creative(\nprobability=1.0)": (center, lambda: augment.creative(probability=1.0)),
    "AutoAugment\n(ImageNet)": (center, lambda: augment.from_torchvision(v2.AutoAugment())),
    "AutoAugment\n(CIFAR-10)": (
        center,
        lambda: augment.from_torchvision(v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)),
    ),
    "RandAugment": (center, lambda: augment.from_torchvision(v2.RandAugment())),
    "TrivialAugment": (center, lambda: augment.from_torchvision(v2.TrivialAugmentWide())),
    "timm, 'rand-m9-\nmstd0.5-inc1'": (center, lambda: augment.from_timm("rand-m9-mstd0.5-inc1")),
}


def draws(image: Pixels, transform: "Transform") -> list[Pixels]:
    """Return what some epochs make of the image."""
    dataset = augment.Keyed([image], transform, seed=SEED)
    return [dataset[epoch, 0] for epoch in range(COLUMNS)]


def test_time() -> list[tuple[str, Pixels]]:
    """Return what is shown at test."""
    return [
        ("as it is, and\neval_multiscale()", augment.eval_multiscale()(image=photograph())["image"]),
        ("eval_center()", center()),
    ]


def shrunk(image: Pixels) -> Pixels:
    """Return the image about as small as it is drawn, or as it is if it has few pixels."""
    if len(image) == CIFAR_PX:
        return image
    size = (SHOWN_PX, SHOWN_PX * image.shape[1] // image.shape[0])
    small = skimage.transform.resize(image, size, anti_aliasing=True)  # type: ignore[no-untyped-call]
    pixels: Pixels = np.rint(255 * small).astype(np.uint8)
    return pixels


def main(path: str) -> None:
    """Draw one row for each augmentation, one column for each epoch."""
    mpl.use("Agg")
    figure, axes = plt.subplots(len(ROWS) + 1, COLUMNS, figsize=(COLUMNS * 0.95 + 0.6, (len(ROWS) + 1) * 0.95))
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    for axis in axes[0]:
        axis.axis("off")
    for place, (name, image) in zip((0, 3), test_time(), strict=True):
        axis = axes[0, place]
        axis.imshow(shrunk(image))
        axis.set_title(name, fontsize=7, loc="left", pad=2)
    for row, (name, (source, build)) in zip(axes[1:], ROWS.items(), strict=True):
        row[0].set_ylabel(name, fontsize=7)
        for axis, image in zip(row, draws(source(), build()), strict=True):
            axis.imshow(shrunk(image), interpolation="nearest")
    figure.tight_layout(pad=0.3, h_pad=0.3, w_pad=0.3)
    figure.savefig(path, dpi=DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main(sys.argv[1])
