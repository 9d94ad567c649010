"""Mixup of a batch and its labels: ours against torchvision's, timm's and lines of torch, and against copying."""

from functools import partial

import numpy as np
import torch
from timm.data import Mixup as TimmMixup
from torch import Tensor
from torchvision.transforms import v2

from lightning_regkit.mixing import apply_mixup, draw_mixup, mix_targets
from tests.benchmarks.harness import Against, Comparison

ALPHA = 0.2
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
    torchvision = partial(v2.MixUp(alpha=ALPHA, num_classes=NUM_CLASSES), inputs, labels)
    timm = TimmMixup(mixup_alpha=ALPHA, label_smoothing=0.0, num_classes=NUM_CLASSES)
    written, timm_written = inputs.clone(), inputs.clone()  # timm always writes into its argument

    def ours(images: Tensor, *, inplace: bool = False) -> Pair:
        draw = draw_mixup(len(images), alpha=ALPHA, generator=generator)
        return apply_mixup(images, draw, inplace=inplace), mix_targets(labels, draw)

    def by_hand() -> tuple[Tensor, Tensor, Tensor, float]:
        """What a training loop writes: two labels and the weight of the first for its loss."""
        lam, partner = generator.beta(ALPHA, ALPHA), torch.randperm(len(inputs))
        return lam * inputs + (1 - lam) * inputs[partner], labels, labels[partner], lam

    new, in_place = partial(ours, inputs), partial(ours, written, inplace=True)
    pairs: dict[str, tuple[partial[Pair], object, Against]] = {
        "mixup / torchvision v2.MixUp": (new, torchvision, "best"),
        "mixup / timm Mixup of a copy": (new, lambda: timm(inputs.clone(), labels), "best"),
        "mixup / lines of torch": (new, by_hand, "default"),
        "mixup / clone": (new, inputs.clone, "nothing"),
        "mixup in place / timm Mixup": (in_place, partial(timm, timm_written, labels), "best"),
        "mixup in place / clone": (in_place, inputs.clone, "nothing"),
    }
    return [Comparison(f"{dtype}: {name}", a, b, against=against) for name, (a, b, against) in pairs.items()]
