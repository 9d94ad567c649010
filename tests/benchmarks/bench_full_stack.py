"""A whole fit under the full stack of callbacks: schedule, mixup and cutmix, best epoch, snapshots, exact resume.

Against the same operations written into the module by hand, on ResNet-18 at 64 px and on a linear layer; there also a
Trainer without callbacks against a loop of plain PyTorch. The note divides what the stack adds on the linear layer by
what Lightning adds.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

import lightning.pytorch as pl
import numpy as np
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

from lightning_regkit import mixing
from lightning_regkit.callbacks import (
    BestEpochCheckpoint,
    CutMix,
    ExactResume,
    Mixup,
    OneOf,
    ScheduleLR,
    SnapshotEnsemble,
)
from lightning_regkit.samplers import ResumableSampler
from lightning_regkit.schedules import CyclicCosine
from tests.benchmarks.harness import Against, Comparison, Result, quiet
from tests.support import trainer

CLASSES, EPOCHS, CYCLES = 10, 2, 2
LR, MOMENTUM = 0.01, 0.9
THREADS = 1
LINEAR, STACK, LIGHTNING = "linear layer: ", "stack / by hand", "bare Trainer / loop"


class Module(pl.LightningModule):
    """The user's: a network, a loss, an accuracy."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.net(inputs)
        return logits

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return functional.cross_entropy(self(batch[0]), batch[1])

    @override
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_acc", (self(batch[0]).argmax(1) == batch[1]).float().mean())

    @override
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=LR, momentum=MOMENTUM)


@final
class ByHand(Module):
    """The same operations in the hooks that are there for them."""

    def __init__(self, net: nn.Module, folder: Path) -> None:
        super().__init__(net)
        self.folder, self.best, self.draws = folder, -1.0, np.random.default_rng(0)

    @override
    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        total = self.trainer.num_training_batches * EPOCHS
        cycle = math.ceil(total / CYCLES)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = LR * (1 + math.cos(math.pi * (self.trainer.global_step % cycle) / cycle)) / 2

    @override
    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        if not self.trainer.training:
            return batch
        inputs, targets = batch
        draw: Any
        if self.draws.random() < 0.5:
            draw = mixing.draw_mixup(len(inputs), alpha=0.2, generator=self.draws)
            return [mixing.apply_mixup(inputs, draw), mixing.mix_targets(targets, draw)]
        draw = mixing.draw_cutmix(len(inputs), size_px=tuple(inputs.shape[2:]), alpha=1.0, generator=self.draws)
        return [mixing.apply_cutmix(inputs, draw), mixing.mix_targets(targets, draw)]

    @override
    def on_validation_end(self) -> None:
        accuracy = float(self.trainer.callback_metrics["val_acc"])
        if not self.trainer.sanity_checking and accuracy > self.best:
            self.best = accuracy
            self.trainer.save_checkpoint(self.folder / "best.ckpt")

    @override
    def on_train_epoch_end(self) -> None:
        save_file(self.state_dict(), self.folder / f"member-{self.current_epoch}.safetensors")
        self.trainer.save_checkpoint(self.folder / "resume.ckpt")

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["random"] = torch.get_rng_state()

    @override
    def on_train_end(self) -> None:
        best = torch.load(self.folder / "best.ckpt", weights_only=True)
        self.load_state_dict(best["state_dict"])


def comparisons(*, tiny: bool) -> list[Comparison]:
    steps, batch, rounds, warmup = (2, 2, 1, 0) if tiny else (16, 32, 5, 1)
    resnet = partial(timm.create_model, "resnet18", num_classes=CLASSES)
    photos = _data(steps, batch, (3, 64, 64))
    stack, by_hand = partial(_fit_stack, resnet, photos), partial(_fit_by_hand, resnet, photos)
    return [Comparison("resnet18 at 64 px: stack / by hand", stack, by_hand, rounds, warmup), *_linear(tiny=tiny)]


def _linear(*, tiny: bool) -> list[Comparison]:
    steps, rounds, warmup = (4, 1, 0) if tiny else (1000, 7, 1)
    data = _data(steps, 8, (1, 8, 8))
    fits = (_fit_stack, _fit_by_hand, _fit_bare, _loop)
    stack, by_hand, bare, loop = (partial(fit, _linear_layer, data) for fit in fits)
    pairs: dict[str, tuple[Any, Any, Against]] = {
        STACK: (stack, by_hand, "best"),
        LIGHTNING: (bare, loop, "nothing"),
        "stack / bare": (stack, bare, "nothing"),
    }
    return [
        Comparison(f"{LINEAR}{name}", ours, peer, rounds, warmup, against)
        for name, (ours, peer, against) in pairs.items()
    ]


def notes(results: list[Result]) -> dict[str, float]:
    """What the stack adds to its operations, written by hand, over what a bare Trainer adds to a loop."""
    found = {result.name: result for result in results}
    stack, lightning = found[f"{LINEAR}{STACK}"], found[f"{LINEAR}{LIGHTNING}"]
    share = (stack.ours_ms - stack.peer_ms) / (lightning.ours_ms - lightning.peer_ms)
    return {"linear layer: added by the stack / added by Lightning": share}


def _linear_layer() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))


def _data(steps: int, batch: int, shape: tuple[int, ...]) -> tuple[DataLoader[Any], DataLoader[Any]]:
    train = TensorDataset(torch.randn(steps * batch, *shape), torch.arange(steps * batch) % CLASSES)
    val = TensorDataset(torch.randn(batch, *shape), torch.arange(batch) % CLASSES)
    return DataLoader(train, batch, sampler=ResumableSampler(train)), DataLoader(val, batch)


def _stack(folder: Path) -> list[pl.Callback]:
    return [
        ScheduleLR(CyclicCosine(CYCLES)),
        OneOf([Mixup(alpha=0.2), CutMix(alpha=1.0)]),
        SnapshotEnsemble(CYCLES, folder / "members"),
        BestEpochCheckpoint("val_acc", dirpath=folder),
        ExactResume("1ep", dirpath=folder),
    ]


def _fit_stack(make: Callable[[], nn.Module], data: tuple[Any, Any]) -> None:
    with TemporaryDirectory() as name:
        _fit(Module(make()), data, _stack(Path(name)))


def _fit_by_hand(make: Callable[[], nn.Module], data: tuple[Any, Any]) -> None:
    with TemporaryDirectory() as name:
        _fit(ByHand(make(), Path(name)), data, [])


def _fit_bare(make: Callable[[], nn.Module], data: tuple[Any, Any]) -> None:
    _fit(Module(make()), data, [])


@quiet()
def _fit(module: pl.LightningModule, data: tuple[Any, Any], callbacks: list[pl.Callback]) -> None:
    options = {"max_epochs": EPOCHS, "enable_checkpointing": bool(callbacks), "num_sanity_val_steps": 0}
    trainer(callbacks=callbacks, **options).fit(module, *data)


def _loop(make: Callable[[], nn.Module], data: tuple[Any, Any]) -> None:
    net = make()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
    train, val = data
    for epoch in range(EPOCHS):
        train.sampler.set_epoch(epoch)
        for inputs, targets in train:
            loss = functional.cross_entropy(net(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.inference_mode():
            for inputs, targets in val:
                (net(inputs).argmax(1) == targets).float().mean()
