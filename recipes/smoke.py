"""Two training steps, a batch of validation and one of the test of a recipe, on generated data.

``python -m recipes smoke --config recipes/imagenet/resnet50_step90.yaml``

Model, callbacks and data module are the recipe's own, and its schedule is that of the whole run. What is not is said.
"""

import argparse
import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, final

import lightning.pytorch as pl
import timm
import torch
import yaml
from lightning.pytorch.cli import LightningCLI
from torch import Tensor
from typing_extensions import override

import lightning_regkit as rk
from recipes._quiet import without_chatter, without_known_warnings
from recipes._smoke_changes import STEPS, Changes, apply, changes, data_name, known_classes, value_at
from recipes._smoke_data import GENERATED
from recipes.classifier import ImageClassifier

__all__ = ["main"]

OWN: Final = ("train_", "val_", "test_")
NEEDLESS: Final = r"The '\w+_dataloader' does not have|The number of training batches|LightningCLI's args parameter"


@final
class StopAfter(pl.Callback):
    """Ends the run at the end of the epoch in which it has made so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or trainer.global_step >= self.steps


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one recipe for two steps; whatever goes wrong is raised."""
    parser = argparse.ArgumentParser("python -m recipes smoke", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="of the recipe")
    options, words = parser.parse_known_args(arguments)
    begun = time.perf_counter()
    recipe = yaml.safe_load(options.config.read_text())
    with TemporaryDirectory(prefix="smoke-") as name, chdir(name), _quietly():
        found = changes(recipe, Path(name), has_accelerator=torch.cuda.is_available())
        for line in _said(recipe, found, _write_data(recipe, Path(name))):
            print(line)
        results = _run(apply(recipe, found), Path(name), words, known_classes(recipe))
    print(", ".join(f"{metric} {value:.4g}" for metric, value in sorted(results.items()) if metric.startswith(OWN)))
    print(f"{options.config} runs: {time.perf_counter() - begun:.1f} s.")


@contextmanager
def _quietly() -> Iterator[None]:
    with without_chatter(), without_known_warnings():
        warnings.filterwarnings("ignore", message=NEEDLESS)
        yield


def _write_data(recipe: Mapping[str, Any], folder: Path) -> str:
    if (write := GENERATED.get(data_name(recipe))) is None:
        return f"the images of {data_name(recipe)}"
    return write(folder / "data", value_at(recipe, "data.init_args") or {})


def _said(recipe: Mapping[str, Any], found: Changes, data: str) -> list[str]:
    written = {path: value_at(recipe, path) for path in found}
    changed = [(path, old, found[path]) for path, old in written.items() if old is not None and old != found[path]]
    lines = [f"  {path.replace('.init_args', '')}: {new}, not {old}" for path, old, new in changed]
    steps = f"{STEPS} steps" if value_at(recipe, "model.optimizer") else "No step"
    kept = "Epochs are that short; how many, and all that is told in them, is the recipe's."
    ran = f"{steps}, a batch of validation and one of the test, on {data}."
    return [ran, kept, "Changed:", *lines, "  images of an evaluation: the first few of a batch"]


def _run(recipe: Mapping[str, Any], folder: Path, words: list[str], num_classes: int | None) -> dict[str, float]:
    path = folder / "smoke.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    if weights := value_at(recipe, "model.model_options.weights"):
        _write_weights(recipe["model"], Path(weights))
    root = value_at(recipe, "data.init_args.root")
    cli = LightningCLI(
        ImageClassifier,
        run=False,
        auto_configure_optimizers=False,
        save_config_callback=None,
        trainer_defaults={"callbacks": [StopAfter(STEPS)]},
        args=["--config", str(path), *words, *([f"--data.root={root}"] if root else [])],  # whatever the words say
    )
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    if num_classes not in {None, model.hparams["num_classes"]}:
        got = model.hparams["num_classes"]
        raise ValueError(f"smoke: num_classes must be {num_classes}, as {type(data).__name__} has, got {got}.")
    data.on_before_batch_transfer = partial(_first, data, max(2, getattr(data, "batch_size", 2)))
    return _fit_and_test(trainer, model, data)


def _write_weights(arguments: Mapping[str, Any], path: Path) -> None:
    options = {name: value for name, value in arguments["model_options"].items() if name != "weights"}
    network = timm.create_model(arguments["model"], num_classes=arguments["num_classes"], **options)
    torch.save(network.state_dict(), path)


def _first(data: pl.LightningDataModule, count: int, batch: Any, _dataloader_idx: int) -> Any:
    is_pair = isinstance(batch, list | tuple) and all(isinstance(part, Tensor) for part in batch)
    is_training = data.trainer is not None and data.trainer.training
    return [part[:count] for part in batch] if is_pair and not is_training else batch


def _fit_and_test(trainer: pl.Trainer, model: pl.LightningModule, data: pl.LightningDataModule) -> dict[str, float]:
    results: dict[str, float] = {}
    if model.hparams["optimizer"]:
        trainer.fit(model, datamodule=data)
        results |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        if not math.isfinite(loss := results["train_loss"]):
            raise ValueError(f"smoke: train_loss must be finite after {trainer.global_step} steps, got {loss!r}.")
        _take_members(trainer, model)
    else:
        trainer.validate(model, datamodule=data, verbose=False)
        results |= {name: float(value) for name, value in trainer.callback_metrics.items()}
    (metrics,) = trainer.test(model, datamodule=data, verbose=False)
    return {**results, **metrics}


def _take_members(trainer: pl.Trainer, model: pl.LightningModule) -> None:
    """Write what snapshots of the whole run would have left: here, all are the weights after two steps."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    for callback in callbacks:
        if isinstance(callback, rk.callbacks.SnapshotEnsemble):
            folder, cycles = callback.cycles.dirpath, range(callback.cycles.num_cycles)
            members = [
                rk.ensemble.write_member(folder, model.state_dict(), step=STEPS + cycle, cycle=cycle, rate=0.0)
                for cycle in cycles
            ]
            rk.ensemble.write_manifest(folder, members)
