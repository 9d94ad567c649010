"""Mixup of a batch and its labels: ours against torchvision's and timm's, and against copying the batch."""

import numpy as np
import torch
from timm.data import Mixup as TimmMixup
from torch import Tensor
from torchvision.transforms import v2

from lightning_regkit.mixing import apply_mixup, draw_mixup, mix_targets
from tests.benchmarks.harness import Comparison

ALPHA = 0.2
NUM_CLASSES = 1000


def comparisons(*, tiny: bool) -> list[Comparison]:
    shape = (4, 3, 8, 8) if tiny else (128, 3, 224, 224)
    data = torch.Generator().manual_seed(0)
    inputs = torch.randn(shape, generator=data)
    labels = torch.randint(NUM_CLASSES, shape[:1], generator=data)
    generator = np.random.default_rng(0)
    torchvision_mixup = v2.MixUp(alpha=ALPHA, num_classes=NUM_CLASSES)
    timm_mixup = TimmMixup(mixup_alpha=ALPHA, label_smoothing=0.0, num_classes=NUM_CLASSES)
    timm_inputs = inputs.clone()  # timm writes into its argument

    def ours() -> tuple[Tensor, Tensor]:
        draw = draw_mixup(len(inputs), alpha=ALPHA, generator=generator)
        return apply_mixup(inputs, draw), mix_targets(labels, draw)

    return [
        Comparison("mixup / torchvision v2.MixUp", ours, lambda: torchvision_mixup(inputs, labels)),
        Comparison("mixup / timm Mixup, in place", ours, lambda: timm_mixup(timm_inputs, labels)),
        Comparison("mixup / timm Mixup of a copy", ours, lambda: timm_mixup(inputs.clone(), labels)),
        Comparison("mixup / clone", ours, inputs.clone),
    ]
