"""The seven steps of choosing hyperparameters, for a recipe.

``python -m recipes tune --config recipes/digits/baseline.yaml --out tune-out``, then ``--continue`` or ``--from 5``.
Noise on batches and penalties of the recipe take part; its schedule does not, for rates are constant, unless a space
names it: ``--space ScheduleLR.warmup=0,0.1run --space Mixup.alpha=0.1..1``.
"""

import argparse
import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import lightning.pytorch as pl
from jsonargparse import ArgumentParser
from lightning.pytorch.cli import LightningCLI
from rich.console import Console

import lightning_regkit as rk
from recipes._quiet import one_thread, without_chatter, without_known_warnings
from recipes.classifier import ImageClassifier

__all__ = ["TAKE_PART", "main", "protocol_of"]

#: Callbacks of a recipe that take part in every trial.
TAKE_PART: Final = (
    rk.callbacks.CutMix,
    rk.callbacks.Cutout,
    rk.callbacks.DropConnect,
    rk.callbacks.Mixup,
    rk.callbacks.OneOf,
    rk.callbacks.RandomErasing,
    rk.callbacks.StochasticDepth,
    rk.callbacks.WeightPenalty,
)


def protocol_of(words: Sequence[str], out: Path, space: Sequence[str] = ()) -> rk.tuning.Protocol:
    """Read a recipe as LightningCLI does, and make its protocol.

    Args:
        words: Options of ``fit``: ``--config FILE``, and any value of it.
        out: Folder for everything that is written.
        space: What is searched over besides rate and decay, as ``rk.tuning.parse_space`` reads it.

    Returns:
        The protocol, on the accelerator and in the precision of the recipe.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter")  # words are those of the shell
        cli = LightningCLI(
            ImageClassifier,
            run=False,
            auto_configure_optimizers=False,
            save_config_callback=None,
            args=[*words, "--trainer.logger=false", "--trainer.enable_checkpointing=false"],
        )
    trainer: pl.Trainer = cli.trainer
    listed: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    ranges = rk.tuning.parse_space(space)
    searched = {name.partition(".")[0] for name in ranges}
    entries = [entry for entry in cli.config.trainer.callbacks or () if _name_of(entry) in searched]
    parts = tuple(each for each in listed if isinstance(each, TAKE_PART) and type(each).__name__ not in searched)
    callbacks = (*parts, *map(maker_of, entries))
    options = {"accelerator": trainer.accelerator.__class__.__name__.removesuffix("Accelerator").lower()}
    setup = rk.tuning.Setup(out, callbacks, {**options, "precision": trainer.precision})
    return rk.tuning.Protocol(cli.model, cli.datamodule, setup=setup, space=ranges)


def maker_of(entry: Mapping[str, Any]) -> Callable[..., pl.Callback]:
    """Return what makes a callback of a recipe anew, with other values for some of its arguments.

    Args:
        entry: Its ``class_path`` and ``init_args``.

    Returns:
        A function of the name of its class, whose arguments replace those of the recipe.
    """
    parser = ArgumentParser()
    parser.add_argument("--callback", type=pl.Callback)

    def make(**given: object) -> pl.Callback:
        arguments = {**dict(entry.get("init_args") or {}), **given}
        config = parser.parse_object({"callback": {"class_path": entry["class_path"], "init_args": arguments}})
        made: pl.Callback = parser.instantiate_classes(config).callback
        return made

    make.__name__ = _name_of(entry)
    return make


def _name_of(entry: Mapping[str, Any]) -> str:
    return str(entry["class_path"]).rpartition(".")[2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Go through the steps and print each."""
    parser = argparse.ArgumentParser("python -m recipes tune", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("tune-out"), help="folder (default: %(default)s)")
    what = "go on after the last step that is done"
    parser.add_argument("--continue", dest="goes_on", action="store_true", help=what)
    parser.add_argument("--from", dest="first", type=int, metavar="STEP", help="begin with this step, 1 to 7")
    parser.add_argument("--anyway", action="store_true", help="go on after a step with a fault")
    what = "what is searched over besides: Mixup.alpha=0.1..1"
    parser.add_argument("--space", action="append", default=[], metavar="NAME=VALUES", help=what)
    for step, default in (("coarse", (15, 3)), ("refined", (10, 12))):
        parser.add_argument(f"--{step}-trials", type=int, default=default[0], help="how many (default: %(default)s)")
        parser.add_argument(f"--{step}-epochs", type=int, default=default[1], help="of each (default: %(default)s)")
    options, words = parser.parse_known_args(arguments)
    if (options.out / "protocol.json").exists() and not options.goes_on and options.first is None:
        parser.error(f"--out must be a new folder, got {options.out}: pass --continue or --from STEP")
    console = Console()
    with one_thread(), without_chatter(), without_known_warnings():
        protocol = dataclasses.replace(
            protocol_of(words, options.out, options.space),
            coarse=rk.tuning.Budget(options.coarse_trials, options.coarse_epochs, name="4_coarse"),
            refined=rk.tuning.Budget(options.refined_trials, options.refined_epochs, name="5_refined"),
        )
        for done in protocol.run(options.first, is_stubborn=options.anyway):
            console.print(f"{done.step} {done.title}: {done.cause}\n  {done.sentence}", soft_wrap=True, highlight=False)
    console.print(options.out, soft_wrap=True)
