"""A whole fit of a trivial module: each mixing callback against the same functions called by hand in the module.

Batches are tiny, so that what is compared is one step of Lightning with and without the callback's own work.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

from lightning_regkit import mixing
from lightning_regkit.callbacks import CutMix, Cutout, Mixup
from tests.benchmarks.harness import Comparison
from tests.support import Classifier, trainer

SIDE_PX = 4
Batch = list[Tensor]


class ByHand(Classifier):
    """Noise in the hook that is there for it."""

    def __init__(self, noise: Callable[[Tensor, Tensor], Batch] | None = None) -> None:
        super().__init__()
        self.noise = noise

    @override
    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return self.noise(*batch) if self.noise is not None else batch

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.seen.clear()
        return loss


def comparisons(*, tiny: bool) -> list[Comparison]:
    steps = 8 if tiny else 400
    rounds, warmup = (1, 0) if tiny else (11, 1)
    data = TensorDataset(torch.randn(8 * steps, 1, SIDE_PX, SIDE_PX), torch.arange(8 * steps) % 3)
    fit = partial(_fit, DataLoader(data, batch_size=8))
    generator = np.random.default_rng(0)

    def mixup(inputs: Tensor, targets: Tensor) -> Batch:
        draw = mixing.draw_mixup(len(inputs), alpha=0.2, generator=generator)
        return [mixing.apply_mixup(inputs, draw), mixing.mix_targets(targets, draw)]

    def cutmix(inputs: Tensor, targets: Tensor) -> Batch:
        draw = mixing.draw_cutmix(len(inputs), size_px=(SIDE_PX, SIDE_PX), alpha=1.0, generator=generator)
        return [mixing.apply_cutmix(inputs, draw), mixing.mix_targets(targets, draw)]

    def cutout(inputs: Tensor, targets: Tensor) -> Batch:
        shape = mixing.CutoutShape(SIDE_PX // 2)
        draw = mixing.draw_cutout(len(inputs), size_px=(SIDE_PX, SIDE_PX), shape=shape, generator=generator)
        return [mixing.apply_cutout(inputs, draw), targets]

    return [
        comparison
        for callback, noise in ((Mixup, mixup), (CutMix, cutmix), (Cutout, cutout))
        for comparison in (
            Comparison(
                f"{callback.__name__} / by hand", partial(fit, None, callback), partial(fit, noise), rounds, warmup
            ),
            Comparison(f"{callback.__name__} / no noise", partial(fit, None, callback), partial(fit), rounds, warmup),
        )
    ]


def _fit(
    data: DataLoader[Any], noise: Callable[[Tensor, Tensor], Batch] | None = None, callback: Any | None = None
) -> None:
    logging.disable(logging.INFO)
    try:
        trainer(max_epochs=1, callbacks=[callback()] if callback else []).fit(ByHand(noise), data)
    finally:
        logging.disable(logging.NOTSET)
