"""A whole fit with ExactResume between its saves, against the same fit without: a linear layer, and a small ResNet."""

import logging
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import ExactResume
from lightning_regkit.samplers import ResumableSampler
from recipes.networks import resnet20_small
from tests.benchmarks.harness import Comparison
from tests.support import Classifier, trainer

SIDE_PX = 8


class Quiet(Classifier):
    """The classifier of the tests around any network, without its memory of batches."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(lr=0.01)
        self.net = net

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.seen.clear()
        return loss


def comparisons(*, tiny: bool) -> list[Comparison]:
    steps = 4 if tiny else 200
    rounds, warmup = (1, 0) if tiny else (11, 1)
    trivial = partial(nn.Sequential, nn.Flatten(), nn.Linear(SIDE_PX * SIDE_PX, 3))
    resnet = partial(resnet20_small, num_classes=3, in_chans=1)
    return [
        Comparison(
            f"fit of {name} with / without",
            partial(_fit, make, steps, True),
            partial(_fit, make, steps, False),
            rounds,
            warmup,
        )
        for name, make in (("a linear layer", trivial), ("resnet20_small", resnet))
    ]


def _fit(make: Any, steps: int, is_ours: bool) -> None:
    batch = 8
    data = TensorDataset(torch.randn(steps * batch, 1, SIDE_PX, SIDE_PX), torch.arange(steps * batch) % 3)
    callbacks = [ExactResume(None, on_sigterm=False)] if is_ours else []
    logging.disable(logging.INFO)
    try:
        ours = trainer(max_epochs=1, callbacks=callbacks, enable_checkpointing=is_ours)
        ours.fit(Quiet(make()), DataLoader(data, batch_size=batch, sampler=ResumableSampler(data)))
    finally:
        logging.disable(logging.NOTSET)
