"""The seven steps of choosing hyperparameters, for a recipe.

``python -m recipes tune --config recipes/digits/baseline.yaml --out tune-out``, then ``--continue`` or ``--from 5``.
Noise on batches and penalties of the recipe take part; its schedule does not, for rates are constant.
"""

import argparse
import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lightning.pytorch.cli import LightningCLI
from rich.console import Console

import lightning_regkit as rk
from recipes._quiet import one_thread, without_chatter, without_known_warnings
from recipes.classifier import ImageClassifier

if TYPE_CHECKING:
    import lightning.pytorch as pl

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


def protocol_of(words: Sequence[str], out: Path) -> rk.tuning.Protocol:
    """Read a recipe as LightningCLI does, and make its protocol.

    Args:
        words: Options of ``fit``: ``--config FILE``, and any value of it.
        out: Folder for everything that is written.

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
    callbacks = tuple(each for each in listed if isinstance(each, TAKE_PART))
    options = {"accelerator": trainer.accelerator.__class__.__name__.removesuffix("Accelerator").lower()}
    setup = rk.tuning.Setup(out, callbacks, {**options, "precision": trainer.precision})
    return rk.tuning.Protocol(cli.model, cli.datamodule, setup=setup)


def main(arguments: Sequence[str] | None = None) -> None:
    """Go through the steps and print each."""
    parser = argparse.ArgumentParser("python -m recipes tune", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("tune-out"), help="folder (default: %(default)s)")
    parser.add_argument(
        "--continue", dest="goes_on", action="store_true", help="go on after the last step that is done"
    )
    parser.add_argument("--from", dest="first", type=int, metavar="STEP", help="begin with this step, 1 to 7")
    parser.add_argument("--anyway", action="store_true", help="go on after a step with a fault")
    for step, default in (("coarse", (15, 3)), ("refined", (10, 12))):
        parser.add_argument(f"--{step}-trials", type=int, default=default[0], help="how many (default: %(default)s)")
        parser.add_argument(f"--{step}-epochs", type=int, default=default[1], help="of each (default: %(default)s)")
    options, words = parser.parse_known_args(arguments)
    if (options.out / "protocol.json").exists() and not options.goes_on and options.first is None:
        parser.error(f"--out must be a new folder, got {options.out}: pass --continue or --from STEP")
    console = Console()
    with one_thread(), without_chatter(), without_known_warnings():
        protocol = dataclasses.replace(
            protocol_of(words, options.out),
            coarse=rk.tuning.Budget(options.coarse_trials, options.coarse_epochs, name="4_coarse"),
            refined=rk.tuning.Budget(options.refined_trials, options.refined_epochs, name="5_refined"),
        )
        for done in protocol.run(options.first, is_stubborn=options.anyway):
            console.print(f"{done.step} {done.title}: {done.cause}\n  {done.sentence}", soft_wrap=True, highlight=False)
    console.print(options.out, soft_wrap=True)
