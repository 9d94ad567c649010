"""A whole fit with ``CommandCenter`` against the same fit without it, both with TensorBoard, logging every 50 steps.

The goal is at most 1.01 for a network of usual size; the tiny one shows what the hooks of a step cost by themselves.
"""

import logging
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import timm
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

from lightning_regkit.callbacks import CommandCenter
from tests.benchmarks.harness import Comparison
from tests.support import Classifier, trainer

LOG_EVERY = 50


class Wrapped(Classifier):
    """Trains any network, and remembers nothing."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(lr=0.01)
        self.net = net

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return functional.cross_entropy(self.net(batch[0]), batch[1])


def comparisons(*, tiny: bool) -> list[Comparison]:
    torch.manual_seed(0)
    size_px, batch, resnet_steps, mlp_steps, warmup = (32, 2, 2, 2, 0) if tiny else (64, 32, 50, 500, 1)
    resnet = partial(timm.create_model, "resnet18", num_classes=10)
    mlp = partial(nn.Sequential, nn.Flatten(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 10))
    cases: list[tuple[str, Any, TensorDataset, int, int]] = [
        (f"ResNet-18, {size_px} px", resnet, _images(resnet_steps * batch, size_px), batch, 11),
        ("MLP 48-32-10", mlp, _images(mlp_steps * 8, 4), 8, 21),
    ]
    found = []
    for name, make, images, size, rounds in cases:
        fit = partial(_fit, make, DataLoader(images, batch_size=size), every=1 if tiny else LOG_EVERY)
        ours, peer = partial(fit, CommandCenter), fit
        found.append(Comparison(f"{name}: CommandCenter / without", ours, peer, 1 if tiny else rounds, warmup))
    return found


def _images(count: int, size_px: int) -> TensorDataset:
    return TensorDataset(torch.randn(count, 3, size_px, size_px), torch.arange(count) % 10)


def _fit(make: Any, data: DataLoader[Any], callback: Any = None, *, every: int) -> None:
    logging.disable(logging.INFO)
    try:
        with TemporaryDirectory() as folder:
            callbacks = [] if callback is None else [callback()]
            logger = TensorBoardLogger(folder)
            trainer(max_epochs=1, logger=logger, log_every_n_steps=every, callbacks=callbacks).fit(
                Wrapped(make()), data
            )
    finally:
        logging.disable(logging.NOTSET)
