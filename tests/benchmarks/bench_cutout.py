"""Cutout of half the side: ours against timm's erasing of as large a share, and against copying the batch."""

import numpy as np
import torch
from timm.data.random_erasing import RandomErasing
from torch import Tensor

from lightning_regkit.mixing import apply_cutout, draw_cutout, length_px
from tests.benchmarks.harness import Comparison

LENGTH_FRAC = 0.5
MEAN_AREA = 0.191  # of a square of half the side that the border cuts


def comparisons(*, tiny: bool) -> list[Comparison]:
    batch_size, channels, height, width = (4, 3, 8, 8) if tiny else (128, 3, 224, 224)
    inputs = torch.randn(batch_size, channels, height, width, generator=torch.Generator().manual_seed(0))
    length = length_px(LENGTH_FRAC, height=height, width=width)
    generator = np.random.default_rng(0)
    erase = RandomErasing(1.0, min_area=MEAN_AREA, max_area=MEAN_AREA, min_aspect=1.0, device="cpu")
    erased_inputs = inputs.clone()  # timm writes into its argument

    def ours() -> Tensor:
        draw = draw_cutout(batch_size, height=height, width=width, length_px=length, generator=generator)
        return apply_cutout(inputs, draw)

    return [
        Comparison("cutout / timm RandomErasing of a copy", ours, lambda: erase(inputs.clone())),
        Comparison("cutout / timm RandomErasing, in place", ours, lambda: erase(erased_inputs)),
        Comparison("cutout / clone", ours, inputs.clone),
    ]
