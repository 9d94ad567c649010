"""A whole fit with ``CommandCenter``, logging every 50 steps, against Lightning's monitors, and against none of them.

All with TensorBoard. The goal is at most 1.01 for a network of usual size; the tiny one shows what the hooks of a step
cost by themselves. Lightning's are ``LearningRateMonitor`` and ``grad_norm``, in every step as in its documentation, or
in those that are logged: less than ``CommandCenter`` watches.
"""

from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import lightning.pytorch as pl
import timm
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import grad_norm
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

from lightning_regkit.callbacks import CommandCenter
from tests.benchmarks.harness import Comparison, quiet
from tests.support import Classifier, trainer

LOG_EVERY = 50
THREADS = 1


class Wrapped(Classifier):
    """Trains any network, and remembers nothing."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(lr=0.01)
        self.net = net

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return functional.cross_entropy(self.net(batch[0]), batch[1])


class GradientNorms(pl.Callback):
    """Logs the norm of each gradient and that of all."""

    def __init__(self, every: int) -> None:
        self.every = every

    @override
    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        if (trainer.global_step + 1) % self.every == 0:
            pl_module.log_dict(grad_norm(pl_module, norm_type=2))


def comparisons(*, tiny: bool) -> list[Comparison]:
    torch.manual_seed(0)
    size_px, batch, resnet_steps, mlp_steps, warmup = (32, 2, 2, 2, 0) if tiny else (64, 32, 50, 500, 1)
    resnet = partial(timm.create_model, "resnet18", num_classes=10)
    mlp = partial(nn.Sequential, nn.Flatten(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 10))
    cases: list[tuple[str, Any, TensorDataset, int, int]] = [
        (f"ResNet-18, {size_px} px", resnet, _images(resnet_steps * batch, size_px), batch, 7),
        ("MLP 48-32-10", mlp, _images(mlp_steps * 8, 4), 8, 11),
    ]
    found, every = [], 1 if tiny else LOG_EVERY
    for name, make, images, size, full in cases:
        fit, rounds = partial(_fit, make, DataLoader(images, batch_size=size), every), 1 if tiny else full
        ours = partial(fit, lambda: [CommandCenter()])
        found.append(Comparison(f"{name}: CommandCenter / without", ours, fit, rounds, warmup, "nothing"))
    always, seldom = partial(fit, partial(_monitors, 1)), partial(fit, partial(_monitors, every))  # of the small one
    return [
        *found,
        Comparison(f"{name}: CommandCenter / Lightning's, in logged steps", ours, seldom, rounds, warmup),
        Comparison(f"{name}: CommandCenter / Lightning's, in every step", ours, always, rounds, warmup, "default"),
    ]


def _monitors(every: int) -> list[pl.Callback]:
    return [LearningRateMonitor("step"), GradientNorms(every)]


def _images(count: int, size_px: int) -> TensorDataset:
    return TensorDataset(torch.randn(count, 3, size_px, size_px), torch.arange(count) % 10)


@quiet()
def _fit(make: Any, data: DataLoader[Any], every: int, callbacks: Any = list) -> None:
    with TemporaryDirectory() as folder:
        options = {"logger": TensorBoardLogger(folder), "log_every_n_steps": every, "callbacks": callbacks()}
        trainer(max_epochs=1, **options).fit(Wrapped(make()), data)
