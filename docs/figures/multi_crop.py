"""Draw the crops of ``multiscale_50`` on a photograph, and the curve of a network that was trained on random crops.

Run from the root of the repository: ``python docs/figures/multi_crop.py docs/_static/multi_crop.png
docs/_static/multi_crop_curve.png``. The photographs are those that scikit-image ships. The network tells seven of them
apart by patches without color: it learns from random crops and scales of their left halves, and is tested on the right
halves. Times are those of the machine.
"""

import logging
import sys
from itertools import pairwise
from typing import Any, Final

import lightning.pytorch as pl
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import skimage.data
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit import crops
from lightning_regkit.callbacks import MultiCrop

SCALES_PX: Final = (224, 256, 384, 480, 640)
INCHES: Final = (12.0, 4.7)
DPI: Final = 80
COLORS: Final = 128

NAMES: Final = ("astronaut", "brick", "camera", "chelsea", "coffee", "grass", "rocket")
PATCH_PX: Final = (40, 56)
CROP_PX: Final = 32
RESIZE_PX: Final = (32, 36, 40, 48, 64)
TRAINED: Final = 600
TESTED: Final = 200
STEPS: Final = 600
BATCH: Final = 64


def draw_crops(path: str) -> None:
    """Draw every scale in proportion with its crops, and below the ten crops of one."""
    photo = torch.from_numpy(skimage.data.coffee()).permute(2, 0, 1)[None].float() / 255
    height, width = photo.shape[2:]
    by_scale = [crops.ten(height, width, resize_px=[side]) for side in SCALES_PX]
    figure = plt.figure(figsize=INCHES)
    ratios = [views[0].size_px[1] for views in by_scale]
    edges = {"left": 0.01, "right": 0.99, "bottom": 0.05, "top": 0.93}
    top, bottom = figure.add_gridspec(2, 1, height_ratios=(2.4, 1), hspace=0.08, **edges)
    for cell, views in zip(top.subgridspec(1, 5, width_ratios=ratios, wspace=0.04), by_scale, strict=True):
        _scale(figure.add_subplot(cell), photo, views)
    order = crops.from_center(by_scale[2])
    for place, (cell, crop) in enumerate(zip(bottom.subgridspec(1, 10), crops.apply_views(photo, order), strict=True)):
        axes = figure.add_subplot(cell)
        axes.imshow(_pixels(crop))
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(str(place + 1), fontsize=8, labelpad=2)
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    with Image.open(path) as drawn:
        small = drawn.convert("RGB").quantize(COLORS)
    small.save(path, optimize=True)


def _scale(axes: Axes, photo: Tensor, views: tuple[crops.View, ...]) -> None:
    height, width = views[0].size_px
    axes.imshow(_pixels(crops.apply_view(photo, crops.View((height, width), crops.Box(0, 0, height, width)))))
    for box in dict.fromkeys(view.box for view in views[:5]):
        color, line = ("#ffcc00", 2.0) if box == views[4].box else ("#4cc9f0", 1.4)
        corner = (box.left - 0.5, box.top - 0.5)
        axes.add_patch(
            Rectangle(corner, box.width, box.height, fill=False, edgecolor=color, linewidth=line, clip_on=False)
        )
    axes.set_title(f"{min(height, width)} px\n{len(set(views))} of {len(views)} differ", fontsize=9)
    axes.set(anchor="S")
    axes.axis("off")


def _pixels(images: Tensor) -> "np.ndarray[Any, Any]":
    return images[0].permute(1, 2, 0).clamp(0, 1).numpy()


def patches(count: int, half: int, generator: np.random.Generator) -> TensorDataset:
    """Cut patches without color out of the left halves (0) or the right halves (1) of the photographs."""
    found, labels = [], []
    for label, name in enumerate(NAMES):
        photo = np.asarray(getattr(skimage.data, name)(), dtype=np.float32)
        gray = (photo if photo.ndim == 2 else photo.mean(axis=2))[::2, ::2] / 255  # noqa: PLR2004  # no color
        middle = gray.shape[1] // 2
        part = gray[:, middle:] if half else gray[:, :middle]
        for _ in range(count // len(NAMES)):
            top, left = (
                int(generator.integers(side - size + 1)) for side, size in zip(part.shape, PATCH_PX, strict=True)
            )
            patch = part[top : top + PATCH_PX[0], left : left + PATCH_PX[1]]
            found.append((patch - patch.mean()) / (patch.std() + 0.05))
            labels.append(label)
    return TensorDataset(torch.from_numpy(np.stack(found))[:, None], torch.tensor(labels))


class Net(pl.LightningModule):
    """A small network that is trained on random crops and scales, and knows of no average."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 64)
        layers = [
            nn.Sequential(nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
            for before, after in pairwise(widths)
        ]
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, len(NAMES)))
        self.generator = np.random.default_rng(0)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mirror, scale and cut the batch at random."""
        inputs, targets = batch
        side = int(self.generator.integers(RESIZE_PX[0], RESIZE_PX[-1] + 1))
        size = crops.shorter_side_to(*PATCH_PX, side)
        top, left = (int(self.generator.integers(length - CROP_PX + 1)) for length in size)
        view = crops.View(size, crops.Box(top, left, CROP_PX, CROP_PX), is_mirrored=bool(self.generator.integers(2)))
        return functional.cross_entropy(self.net(crops.apply_view(inputs, view)), targets)

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Predict."""
        self.net(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return SGD."""
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)


def draw_curve(path: str) -> None:
    """Train, test, and draw what more views achieve."""
    pl.seed_everything(0)
    generator = np.random.default_rng(0)
    fifty = MultiCrop("multiscale_50", resize_px=RESIZE_PX, crop_px=CROP_PX)
    off = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(accelerator="cpu", max_steps=STEPS, callbacks=[fifty], **off)
    model, tested = Net(), patches(TESTED * len(NAMES), 1, generator)
    data = patches(TRAINED * len(NAMES), 0, generator)
    trainer.fit(model, DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True))
    trainer.test(model, DataLoader(tested, batch_size=100), verbose=False)
    crops.plot_curve(fifty.curve).savefig(path, dpi=DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    mpl.use("Agg")
    logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
    draw_crops(sys.argv[1])
    draw_curve(sys.argv[2])
