"""CutMix of a batch and its labels: ours against torchvision's and timm's, and against copying the batch."""

from functools import partial
from typing import Literal

import numpy as np
import torch
from timm.data import Mixup as TimmMixup
from torch import Tensor
from torchvision.transforms import v2

from lightning_regkit.mixing import apply_cutmix, draw_cutmix, mix_targets
from tests.benchmarks.harness import Comparison

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
    torchvision_cutmix = v2.CutMix(alpha=ALPHA, num_classes=NUM_CLASSES)
    timm_cutmix = TimmMixup(mixup_alpha=0.0, cutmix_alpha=ALPHA, label_smoothing=0.0, num_classes=NUM_CLASSES)
    written, timm_written = inputs.clone(), inputs.clone()  # timm always writes into its argument
    size_px = (inputs.shape[2], inputs.shape[3])

    def ours(images: Tensor, per: Literal["batch", "sample"], *, inplace: bool = False) -> Pair:
        draw = draw_cutmix(len(images), size_px=size_px, alpha=ALPHA, generator=generator, per=per)
        return apply_cutmix(images, draw, inplace=inplace), mix_targets(labels, draw)

    batch, sample = partial(ours, inputs, "batch"), partial(ours, inputs, "sample")
    batch_in_place, in_place = (
        partial(ours, written, "batch", inplace=True),
        partial(ours, written, "sample", inplace=True),
    )

    def torchvision() -> Pair:
        mixed: Pair = torchvision_cutmix(inputs, labels)
        return mixed

    return [
        Comparison(f"{dtype}: cutmix, one box / torchvision v2.CutMix", batch, torchvision),
        Comparison(f"{dtype}: cutmix, a box each / torchvision v2.CutMix", sample, torchvision),
        Comparison(f"{dtype}: cutmix, one box / clone", batch, inputs.clone),
        Comparison(f"{dtype}: cutmix, a box each / clone", sample, inputs.clone),
        Comparison(f"{dtype}: one box, in place / timm", batch_in_place, lambda: timm_cutmix(timm_written, labels)),
        Comparison(f"{dtype}: one box, in place / clone", batch_in_place, inputs.clone),
        Comparison(f"{dtype}: a box each, in place / clone", in_place, inputs.clone),
    ]
