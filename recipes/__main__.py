"""The command line of the recipes.

::

    python -m recipes quickstart                                        # the comparison of the README
    python -m recipes plan --config recipes/digits/regularized.yaml     # what it will do, on any number of devices
    python -m recipes smoke --config recipes/digits/regularized.yaml    # two steps of it, on generated data
    python -m recipes tune --config recipes/digits/baseline.yaml        # seven steps to its hyperparameters
    python -m recipes fit --config recipes/digits/regularized.yaml      # one recipe; any value: --trainer.max_epochs=3
    python -m recipes test --config recipes/digits/regularized.yaml --ckpt_path FILE
"""

import sys
from collections.abc import Callable

from lightning.pytorch.cli import LightningCLI

import lightning_regkit.callbacks  # noqa: F401  # what is imported can be named in YAML by its last name
import recipes.data  # noqa: F401
from recipes import plan, quickstart, smoke, tune
from recipes._quiet import without_known_warnings
from recipes.classifier import ImageClassifier

__all__ = ["SUBCOMMANDS", "main"]

ABOUT = (
    "Recipes of lightning_regkit. Besides the subcommands below: quickstart, plan, smoke and tune, "
    "see `quickstart --help`."
)
SUBCOMMANDS: dict[str, Callable[[list[str]], None]] = {
    "plan": plan.main,
    "quickstart": quickstart.main,
    "smoke": smoke.main,
    "tune": tune.main,
}


def main(arguments: list[str] | None = None) -> None:
    """Run one subcommand: ours, or fit, validate, test and predict of LightningCLI.

    Args:
        arguments: Words after ``python -m recipes``; None takes them from the command line.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if words[0] in SUBCOMMANDS:
        SUBCOMMANDS[words[0]](words[1:])
        return
    with without_known_warnings():
        LightningCLI(
            ImageClassifier,
            auto_configure_optimizers=False,
            parser_kwargs={"description": ABOUT},
            save_config_kwargs={"overwrite": True},  # a run may go on, or be tested, where another one was
            args=words,
        )


if __name__ == "__main__":
    main()
