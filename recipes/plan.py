"""What a recipe will do on any number of devices, worked out without its data.

``python -m recipes plan --config recipes/digits/regularized.yaml --devices 8 --nodes 2``
"""

import argparse
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast, final

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.cli import LightningCLI
from rich.console import Console
from torch.utils.data import DataLoader
from typing_extensions import override

import lightning_regkit as rk
import lightning_regkit.callbacks  # what is imported can be named in YAML by its last name
import recipes.data  # noqa: F401
from recipes._checkpoint_bytes import checkpoint_bytes
from recipes._quiet import without_chatter, without_known_warnings
from recipes.classifier import ImageClassifier
from recipes.load import Load, scaling

__all__ = ["Planned", "Recipe", "build", "checkpoint_bytes", "main"]


class Planned(Protocol):
    """What a data module knows before its data is there."""

    train_size: int
    batch_size: int
    image_bytes: int


@final
@dataclass(frozen=True)
class Recipe:
    """A recipe that has been read: what would train, and on how many devices."""

    trainer: pl.Trainer
    model: pl.LightningModule
    data: Planned

    @property
    def is_evaluation(self) -> bool:
        """Tell whether it trains nothing."""
        return self.model.hparams.get("optimizer") is None

    @property
    def load(self) -> Load:
        """What it asks of its devices; a run bounded by steps counts the epochs they fill."""
        trainer, data = self.trainer, self.data
        shape = Load(
            data.train_size, 1, data.batch_size, trainer.world_size, trainer.accumulate_grad_batches, data.image_bytes
        )
        epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else None
        by_steps = math.ceil(trainer.max_steps / shape.steps) if trainer.max_steps > 0 else None
        bounds = [bound for bound in (epochs, by_steps) if bound is not None]
        if not bounds:
            raise ValueError("plan: the recipe must end after max_epochs or max_steps, got neither.")
        return replace(shape, epochs=min(bounds))

    def explained(self) -> str:
        """Say what every callback will do, as ``rk.explain`` does; of an evaluation, without the length of a run."""
        if self.is_evaluation:
            return rk.explain(self.trainer, Nothing()).partition("\n")[2]
        images = DataLoader(cast("torch.utils.data.Dataset[int]", range(self.data.train_size)), self.data.batch_size)
        return rk.explain(self.trainer, self.model, train_dataloaders=images)


@final
class Nothing(pl.LightningModule):
    """A module that trains nothing, on nothing."""

    @override
    def configure_optimizers(self) -> None:
        """Make none."""

    @override
    def train_dataloader(self) -> list[int]:
        """Return no batch."""
        return []


def build(words: Sequence[str], devices: int, nodes: int) -> Recipe:
    """Read a recipe as LightningCLI does, for so many devices that need not be there.

    Args:
        words: Options of ``fit``: ``--config FILE``, and any value of it.
        devices: On each machine, >= 1.
        nodes: Machines, >= 1.
    """
    places = {"accelerator": "cpu", "devices": devices, "num_nodes": nodes, "precision": "32-true", "logger": "false"}
    many = ["--trainer.strategy=ddp"] if devices * nodes > 1 else []
    cli = LightningCLI(
        ImageClassifier,
        run=False,
        auto_configure_optimizers=False,
        save_config_callback=None,
        args=[*words, *(f"--trainer.{name}={value}" for name, value in places.items()), *many],
    )
    return Recipe(cli.trainer, cli.model, cli.datamodule)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the plan of one recipe."""
    parser = argparse.ArgumentParser("python -m recipes plan", description=__doc__)
    parser.add_argument("--devices", type=int, default=1, help="on each machine (default: %(default)s)")
    parser.add_argument("--nodes", type=int, default=1, help="machines (default: %(default)s)")
    parser.add_argument("--hours", type=float, default=24.0, help="to end in (default: %(default)s)")
    options, words = parser.parse_known_args(arguments)
    with without_chatter(), without_known_warnings():
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter")  # it sees `plan` twice
        with torch.device("meta"):  # shapes are all that is asked
            recipe = build(words, options.devices, options.nodes)
        lines = _training(recipe) if not recipe.is_evaluation else _evaluation(recipe)
    console = Console()
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)
    if not recipe.is_evaluation:
        console.print(recipe.load.said(options.hours), soft_wrap=True, highlight=False)
        console.print(scaling(recipe.load, options.hours))


def _training(recipe: Recipe) -> list[str]:
    callbacks = recipe.trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    averages = sum(isinstance(callback, WeightAveraging) for callback in callbacks)
    lines = [recipe.explained()]
    size = checkpoint_bytes(recipe.model, averages)
    optimizer = cast("torch.optim.Optimizer", recipe.model.configure_optimizers())
    lines += rk.optim.group_report(recipe.model, optimizer.param_groups)
    return [*lines, f"A checkpoint: {size / 1e6:,.1f} MB of tensors."]


def _evaluation(recipe: Recipe) -> list[str]:
    size = checkpoint_bytes(recipe.model)
    return ["An evaluation: nothing is trained.", recipe.explained(), f"The weights: {size / 1e6:,.1f} MB of tensors."]
