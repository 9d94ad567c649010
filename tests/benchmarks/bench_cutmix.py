"""CutMix of a batch and its labels: ours against torchvision's, timm's and lines of torch, and against copying."""

from functools import partial
from typing import Literal

import numpy as np
import torch
from timm.data import Mixup as TimmMixup
from torch import Tensor
from torchvision.transforms import v2

from lightning_regkit.mixing import apply_cutmix, draw_cutmix, mix_targets
from tests.benchmarks.harness import Against, Comparison

ALPHA = 1.0
NUM_CLASSES = 1000
Pair = tuple[Tensor, Tensor]


def comparisons(*, tiny: bool) -> list[Comparison]:
    shape = (4, 3, 8, 8) if tiny else (128, 3, 224, 224)
    data = torch.Generator().manual_seed(0)
    inputs = torch.randn(shape, generator=data)
    labels = torch.randint(NUM_CLASSES, shape[:1], generator=data)
    pairs = ((str(dtype).removeprefix("torch."), inputs.to(dtype)) for dtype in (torch.float32, torch.bfloat16))
    return [comparison for name, images in pairs for comparison in _comparisons(name, images, labels)]


def _comparisons(dtype: str, inputs: Tensor, labels: Tensor) -> list[Comparison]:
    generator = np.random.default_rng(0)
    torchvision = partial(v2.CutMix(alpha=ALPHA, num_classes=NUM_CLASSES), inputs, labels)
    settings = {"mixup_alpha": 0.0, "cutmix_alpha": ALPHA, "label_smoothing": 0.0, "num_classes": NUM_CLASSES}
    timm, timm_each = TimmMixup(**settings), TimmMixup(**settings, mode="elem")
    written, timm_written = inputs.clone(), inputs.clone()  # timm always writes into its argument
    size_px = (inputs.shape[2], inputs.shape[3])

    def ours(images: Tensor, per: Literal["batch", "sample"], *, inplace: bool = False) -> Pair:
        draw = draw_cutmix(len(images), size_px=size_px, alpha=ALPHA, generator=generator, per=per)
        return apply_cutmix(images, draw, inplace=inplace), mix_targets(labels, draw)

    one, each = partial(ours, inputs, "batch"), partial(ours, inputs, "sample")
    one_in_place = partial(ours, written, "batch", inplace=True)
    each_in_place = partial(ours, written, "sample", inplace=True)
    pairs: dict[str, tuple[partial[Pair], object, Against]] = {
        "one box / torchvision v2.CutMix": (one, torchvision, "best"),
        "one box / timm Mixup of a copy": (one, lambda: timm(inputs.clone(), labels), "best"),
        "one box / lines of torch": (one, partial(_by_hand, inputs, labels, generator), "default"),
        "one box / clone": (one, inputs.clone, "nothing"),
        "one box, in place / timm Mixup": (one_in_place, partial(timm, timm_written, labels), "best"),
        "one box, in place / clone": (one_in_place, inputs.clone, "nothing"),
        "a box each / timm Mixup of a copy": (each, lambda: timm_each(inputs.clone(), labels), "best"),
        "a box each / clone": (each, inputs.clone, "nothing"),
        "a box each, in place / timm Mixup": (each_in_place, partial(timm_each, timm_written, labels), "best"),
        "a box each, in place / clone": (each_in_place, inputs.clone, "nothing"),
    }
    return [Comparison(f"{dtype}: {name}", a, b, against=against) for name, (a, b, against) in pairs.items()]


def _by_hand(inputs: Tensor, labels: Tensor, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, float]:
    """What a training loop writes: two labels and the weight of the first for its loss."""
    height, width = inputs.shape[2:]
    share = (1 - generator.beta(ALPHA, ALPHA)) ** 0.5
    tall, wide = int(height * share), int(width * share)
    middle, center = int(generator.integers(height)), int(generator.integers(width))
    rows = slice(max(middle - tall // 2, 0), min(middle + tall // 2, height))
    columns = slice(max(center - wide // 2, 0), min(center + wide // 2, width))
    partner, mixed = torch.randperm(len(inputs)), inputs.clone()
    mixed[:, :, rows, columns] = inputs[partner, :, rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, labels, labels[partner], 1 - area / (height * width)
