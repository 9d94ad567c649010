"""Cutout of half the side: ours against erasing of as large a share by timm and torchvision, and against copying."""

from functools import partial

import numpy as np
import torch
from timm.data.random_erasing import RandomErasing
from torch import Tensor
from torchvision.transforms import v2

from lightning_regkit.mixing import (
    CutoutShape,
    ErasingShape,
    apply_cutout,
    apply_random_erasing,
    draw_cutout,
    draw_random_erasing,
    length_px,
)
from tests.benchmarks.harness import Comparison

LENGTH_FRAC = 0.5
MEAN_AREA = 0.191  # of a square of half the side that the border cuts


def comparisons(*, tiny: bool) -> list[Comparison]:
    shape = (4, 3, 8, 8) if tiny else (128, 3, 224, 224)
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    pairs = ((str(dtype).removeprefix("torch."), inputs.to(dtype)) for dtype in (torch.float32, torch.bfloat16))
    return [comparison for name, images in pairs for comparison in _comparisons(name, images)]


def _comparisons(dtype: str, inputs: Tensor) -> list[Comparison]:
    batch_size, _, height, width = inputs.shape
    square = CutoutShape(length_px(LENGTH_FRAC, height=height, width=width))
    generator = np.random.default_rng(0)
    timm_square = RandomErasing(1.0, min_area=MEAN_AREA, max_area=MEAN_AREA, min_aspect=1.0, device="cpu")
    timm_erasing = RandomErasing(1.0, min_area=0.02, max_area=0.33, min_aspect=0.3, max_aspect=3.3, device="cpu")
    one_image = v2.RandomErasing(1.0, scale=(0.02, 0.33), ratio=(0.3, 3.3), inplace=True)
    written, timm_written = inputs.clone(), inputs.clone()  # timm always writes into its argument

    def cutout(images: Tensor, *, inplace: bool = False) -> Tensor:
        draw = draw_cutout(batch_size, size_px=(height, width), shape=square, generator=generator)
        return apply_cutout(images, draw, inplace=inplace)

    def erasing() -> Tensor:
        draw = draw_random_erasing(batch_size, size_px=(height, width), shape=ErasingShape(), generator=generator)
        return apply_random_erasing(written, draw, inplace=True)

    def torchvision() -> None:
        for image in timm_written:
            one_image(image)

    new, in_place = partial(cutout, inputs), partial(cutout, written, inplace=True)
    return [
        Comparison(f"{dtype}: cutout / timm RandomErasing of a copy", new, lambda: timm_square(inputs.clone())),
        Comparison(f"{dtype}: cutout / clone", new, inputs.clone, against="nothing"),
        Comparison(f"{dtype}: cutout in place / timm RandomErasing", in_place, partial(timm_square, timm_written)),
        Comparison(f"{dtype}: cutout in place / clone", in_place, inputs.clone, against="nothing"),
        Comparison(f"{dtype}: erasing in place / timm RandomErasing", erasing, partial(timm_erasing, timm_written)),
        Comparison(f"{dtype}: erasing in place / torchvision's, image by image", erasing, torchvision),
    ]
