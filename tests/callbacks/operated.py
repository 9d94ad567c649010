"""What the tests of layers put into a module share: a small residual network, and what a run leaves behind."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from jsonargparse import ArgumentParser
from lightning_utilities.core import rank_zero
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import BasicBlock
from typing_extensions import override

from tests.support import NUM_CLASSES, Validated, loader, trainer

BLOCKS = 3


class Residual(Validated):
    """A stem with pooling, three torchvision blocks of two channels, and a linear head."""

    def __init__(self) -> None:
        super().__init__(lr=0.05, momentum=0.9)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            blocks = [BasicBlock(2, 2) for _ in range(BLOCKS)]
            stem = [nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(3, 2, padding=1)]
            self.net = nn.Sequential(*stem, *blocks, nn.Flatten(), nn.Linear(2 * 4, NUM_CLASSES))


class Twice(Residual):
    """Sends every training batch through the network twice, to see whether it is noisy."""

    def __init__(self) -> None:
        super().__init__()
        self.differences: list[float] = []

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        with torch.no_grad():
            self.differences.append((self(batch[0]) - self(batch[0])).abs().max().item())
        return super().training_step(batch, batch_idx)


class Looks(pl.Callback):
    """Notes what the module is in the middle of each stage, and calls something there."""

    def __init__(self, ask: Any) -> None:
        self.ask = ask
        self.seen: list[Any] = []

    @override
    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.seen.append(self.ask(pl_module))

    @override
    def on_test_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.seen.append(self.ask(pl_module))

    @override
    def on_validation_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.seen.append(self.ask(pl_module))

    @override
    def on_predict_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.seen.append(self.ask(pl_module))


def fit(model: Any, *callbacks: Any, fit: dict[str, Any] | None = None, **options: Any) -> pl.Trainer:
    """Train two epochs of five batches, and return the Trainer; the global generator ends where it was."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        own = trainer(**{"max_epochs": 2, "callbacks": list(callbacks), "num_sanity_val_steps": 0, **options})
        own.fit(model, loader(), loader(4), **(fit or {}))
    return own


def predicted(model: Any, *callbacks: Any) -> Tensor:
    own = trainer(callbacks=list(callbacks))
    found: Any = own.predict(model, loader())
    return torch.cat(found)


def shape(model: nn.Module) -> dict[str, str]:
    """Return the class of every layer, by name."""
    return {name: type(layer).__name__ for name, layer in model.named_modules()}


@contextmanager
def told(owner: str) -> Iterator[list[str]]:
    """Collect what a callback says."""
    lines: list[str] = []

    class Keeps(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith(f"{owner}: "):
                lines.append(record.getMessage().removeprefix(f"{owner}: "))

    handler, logger = Keeps(), rank_zero.log  # that of the distribution imported last
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def configured(kind: type, given: dict[str, Any]) -> Any:
    """Build a callback as ``LightningCLI`` does from YAML."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, "it")
    instantiate: Any = getattr(parser, "instantiate", parser.instantiate_classes)  # the newer name, where it is known
    return instantiate(parser.parse_object({"it": given})).it


def assert_equal(ours: nn.Module, theirs: nn.Module) -> None:
    """Compare weights and buffers bit for bit."""
    for (name, one), (_, other) in zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True):
        assert torch.equal(one, other), name


class Manual(Residual):
    """Steps by itself, and looks at the network in every second batch only."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    @override
    def training_step(self, batch: Any, batch_idx: int) -> None:
        if batch_idx % 2:
            optimizer: Any = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(functional.cross_entropy(self(batch[0]), batch[1]))
            optimizer.step()


skips_resume_advice = pytest.mark.filterwarnings(
    "ignore:You're resuming from a checkpoint that ended before the epoch:UserWarning",
    "ignore:Be aware that when using `ckpt_path`:UserWarning",
)
