"""Draw what each kind of noise makes of scanned digits and of two photographs.

Run from the root of the repository: ``python docs/figures/mixing.py docs/_static/mixing.png``. The digits and the
photographs are those that scikit-learn ships.
"""

import sys
from collections.abc import Callable
from typing import Final

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_images
from torch import Tensor
from torch.nn.functional import interpolate

from lightning_regkit import mixing

NUM_DIGITS: Final = 8
PHOTO_PX: Final = 56
PHOTO_ZOOM: Final = 0.135
SEED: Final = 5121  # nobody is its own partner, and most shares are far from 0 and 1
DPI: Final = 72

Noise = Callable[[Tensor, np.random.Generator], tuple[Tensor, list[str]]]


def digits() -> Tensor:
    """Return one digit of each of the first classes (B, 3, 8, 8), in [0, 1], dark on white."""
    data = load_digits()
    rows = [int(np.flatnonzero(data.target == label)[label]) for label in range(NUM_DIGITS)]
    gray = 1 - torch.from_numpy(data.images[rows]).float()[:, None] / 16
    return gray.expand(-1, 3, -1, -1).contiguous()


def photographs() -> Tensor:
    """Return two photographs (2, 3, 56, 56), in [0, 1]."""
    stacked = torch.from_numpy(np.stack(load_sample_images().images)).permute(0, 3, 1, 2).float() / 255
    small = interpolate(stacked, scale_factor=PHOTO_ZOOM, mode="area")
    top, left = ((side - PHOTO_PX) // 2 for side in small.shape[-2:])
    return small[..., top : top + PHOTO_PX, left : left + PHOTO_PX].contiguous()


def originals(inputs: Tensor, _generator: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Return the images as they are."""
    return inputs, [""] * len(inputs)


def mixup(inputs: Tensor, generator: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Blend."""
    draw = mixing.draw_mixup(len(inputs), alpha=1.0, generator=generator, per="sample")
    return mixing.apply_mixup(inputs, draw), shares(draw)


def cutmix(inputs: Tensor, generator: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Paste."""
    draw = mixing.draw_cutmix(len(inputs), size_px=size(inputs), alpha=1.0, generator=generator, per="sample")
    return mixing.apply_cutmix(inputs, draw), shares(draw)


def cutout(inputs: Tensor, generator: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Erase squares."""
    shape = mixing.CutoutShape(mixing.length_px(0.5, height=inputs.shape[-2], width=inputs.shape[-1]))
    draw = mixing.draw_cutout(len(inputs), size_px=size(inputs), shape=shape, generator=generator)
    return mixing.apply_cutout(inputs, draw, fill=0.5), [""] * len(inputs)


def erasing(inputs: Tensor, generator: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Erase rectangles."""
    draw = mixing.draw_random_erasing(len(inputs), size_px=size(inputs), generator=generator)
    return mixing.apply_random_erasing(inputs, draw, fill=0.5), [""] * len(inputs)


def size(inputs: Tensor) -> tuple[int, int]:
    """Return (H, W)."""
    return inputs.shape[-2], inputs.shape[-1]


def shares(draw: mixing.MixupDraw | mixing.CutMixDraw) -> list[str]:
    """Say for every image which other one is in it, and how much of itself is left."""
    return [f"{lam:.2f}, {partner}" for lam, partner in zip(draw.lam, draw.partner, strict=True)]


ROWS: Final[dict[str, Noise]] = {
    "as they are": originals,
    "Mixup(1.0)": mixup,
    "CutMix(1.0)": cutmix,
    "Cutout(0.5)": cutout,
    "RandomErasing()": erasing,
}


def main(path: str) -> None:
    """Draw one row for each kind of noise, one column for each image."""
    mpl.use("Agg")
    sources = [digits(), photographs()]
    columns = sum(map(len, sources))
    figure, axes = plt.subplots(len(ROWS), columns, figsize=(columns * 0.95, len(ROWS) * 1.15))
    for row, (name, noise) in zip(axes, ROWS.items(), strict=True):
        generator = np.random.default_rng(SEED)
        shown = [pair for source in sources for pair in zip(*noise(source, generator), strict=True)]
        row[0].set_ylabel(name, fontsize=8)
        for axis, (image, text) in zip(row, shown, strict=True):
            axis.imshow(image.permute(1, 2, 0).clamp(0, 1).numpy(), interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(text, fontsize=7, labelpad=2)
    figure.tight_layout(pad=0.4)
    figure.savefig(path, dpi=DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main(sys.argv[1])
