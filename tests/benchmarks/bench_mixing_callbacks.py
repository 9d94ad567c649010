"""A whole fit of a trivial module: each mixing callback against other ways to mix in a Trainer, and against no noise.

Batches are tiny, so that what is compared is one step of Lightning with and without the callback's own work. By hand
are the functions under the callbacks, in the module; in the collate function torchvision's documentation has its own.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from timm.data import Mixup as TimmMixup
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset, default_collate
from torchvision.transforms import v2
from typing_extensions import override

from lightning_regkit import mixing
from lightning_regkit.callbacks import CutMix, Cutout, Mixup
from tests.benchmarks.harness import Against, Comparison, quiet
from tests.support import NUM_CLASSES, Classifier, trainer

SIDE_PX, BATCH = 4, 8
THREADS = 1
Batch = list[Tensor]


class ByHand(Classifier):
    """Noise in the hook that is there for it."""

    def __init__(self, noise: Callable[[Tensor, Tensor], Any] | None = None) -> None:
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
    steps, rounds, warmup = (8, 1, 0) if tiny else (200, 11, 1)
    data = TensorDataset(torch.randn(BATCH * steps, 1, SIDE_PX, SIDE_PX), torch.arange(BATCH * steps) % NUM_CLASSES)
    fit = partial(_fit, data)
    beta = {"label_smoothing": 0.0, "num_classes": NUM_CLASSES}
    mixup, cutmix, cutout = _by_hand(np.random.default_rng(0))
    v2_mixup, v2_cutmix = v2.MixUp(alpha=0.2, num_classes=NUM_CLASSES), v2.CutMix(num_classes=NUM_CLASSES)
    timm_mixup = TimmMixup(mixup_alpha=0.2, **beta)
    timm_cutmix = TimmMixup(mixup_alpha=0.0, cutmix_alpha=1.0, **beta)
    cases: list[tuple[Any, str, partial[None], Against]] = [
        (Mixup, "by hand", partial(fit, mixup), "best"),
        (Mixup, "timm's in the module", partial(fit, timm_mixup), "best"),
        (Mixup, "torchvision's in the module", partial(fit, v2_mixup), "best"),
        (Mixup, "torchvision's in the collate function", partial(fit, collate=v2_mixup), "default"),
        (Mixup, "no noise", fit, "nothing"),
        (CutMix, "by hand", partial(fit, cutmix), "best"),
        (CutMix, "timm's in the module", partial(fit, timm_cutmix), "best"),
        (CutMix, "torchvision's in the module", partial(fit, v2_cutmix), "best"),
        (CutMix, "torchvision's in the collate function", partial(fit, collate=v2_cutmix), "default"),
        (CutMix, "no noise", fit, "nothing"),
        (Cutout, "by hand", partial(fit, cutout), "best"),
        (Cutout, "no noise", fit, "nothing"),
    ]
    return [
        Comparison(f"{kind.__name__} / {name}", partial(fit, callback=kind), peer, rounds, warmup, against)
        for kind, name, peer, against in cases
    ]


def _by_hand(generator: np.random.Generator) -> tuple[Callable[[Tensor, Tensor], Batch], ...]:
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

    return mixup, cutmix, cutout


@quiet()
def _fit(data: TensorDataset, noise: Any = None, *, callback: Any = None, collate: Any = None) -> None:
    mixed = None if collate is None else lambda samples: collate(*default_collate(samples))
    callbacks = [] if callback is None else [callback()]
    loader = DataLoader(data, BATCH, collate_fn=mixed)
    trainer(max_epochs=1, callbacks=callbacks).fit(ByHand(noise), loader)
