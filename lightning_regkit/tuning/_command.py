"""``regkit tune``."""

import argparse
import ast
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lightning_regkit.tuning._protocol import Protocol

__all__ = ["ABOUT", "add_arguments", "add_budget", "given", "imported", "protocol_of", "run"]

#: Number of steps.
LAST: Final = 7
ABOUT: Final = "seven steps to hyperparameters, each with a verdict and a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command is told."""
    what = "pkg.mod:Class of a LightningModule, or of a function that makes one"
    parser.add_argument("--module", required=True, metavar="PKG.MOD:CLASS", help=what)
    parser.add_argument("--data", metavar="PKG.MOD:CLASS", help="the same for a data module; else the module's loaders")
    for name in ("module", "data"):
        parser.add_argument(
            f"--{name}-arg", action="append", default=[], metavar="NAME=VALUE", help=f"an argument of the {name}"
        )
    add_budget(parser)


def add_budget(parser: argparse.ArgumentParser) -> None:
    """Declare how long it may take, and where it writes."""
    parser.add_argument("--out", type=Path, default=Path("tune-out"), help="folder (default: %(default)s)")
    parser.add_argument(
        "--continue", dest="goes_on", action="store_true", help="go on after the last step that is done"
    )
    parser.add_argument("--from", dest="first", type=int, metavar="STEP", help="begin with this step, 1 to 7")
    parser.add_argument("--anyway", action="store_true", help="go on after a step with a fault")
    parser.add_argument("--accelerator", default="auto", help="of the Trainer (default: %(default)s)")
    parser.add_argument("--coarse-trials", type=int, default=15, help="of step 4 (default: %(default)s)")
    parser.add_argument("--coarse-epochs", type=int, default=3, help="of each (default: %(default)s)")
    parser.add_argument("--refined-trials", type=int, default=10, help="of step 5 (default: %(default)s)")
    parser.add_argument("--refined-epochs", type=int, default=12, help="of each (default: %(default)s)")
    parser.add_argument("--sampler", default="random", help="random, grid, quasi_random or tpe (default: %(default)s)")
    parser.add_argument("--monitor", default="val_acc", help="metric of validation (default: %(default)s)")
    parser.add_argument("--mode", default="max", help="max or min (default: %(default)s)")
    parser.add_argument("--storage", help="URL of a database, or a .journal file; else SQLite in the folder")
    parser.add_argument("--seed", type=int, default=0, help="of order and noise (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    """Go through the steps and print each when it is over; what is refused before them is said in a sentence."""
    try:
        module = imported("module", options.module, given("module", options.module_arg))
        data = None if options.data is None else imported("data", options.data, given("data", options.data_arg))()
        protocol = protocol_of(module, data, options)
    except (ImportError, TypeError, ValueError) as refusal:
        raise SystemExit(str(refusal)) from refusal
    done = None
    for done in protocol.run(options.first, is_stubborn=options.anyway):
        sys.stdout.write(f"{done.step} {done.title}: {done.cause}\n  {done.sentence}\n")
    sys.stdout.write(f"{options.out}\n")
    if done is not None and done.step < LAST:
        raise SystemExit("tune: mend this, then pass --continue; or go on all the same with --continue --anyway.")


def protocol_of(module: object, data: object, options: argparse.Namespace) -> "Protocol":
    """Make the protocol, and see that its folder and its first step go together.

    Args:
        module: What makes the module.
        data: A data module, or None.
        options: What ``add_budget`` declares.

    Raises:
        ValueError: They do not, or a number is out of range.
    """
    from lightning_regkit.tuning._budget import Budget  # noqa: PLC0415  # they load torch and Lightning
    from lightning_regkit.tuning._progress import NAME  # noqa: PLC0415
    from lightning_regkit.tuning._protocol import Protocol  # noqa: PLC0415
    from lightning_regkit.tuning._setup import Setup  # noqa: PLC0415

    if (options.out / NAME).exists() and not options.goes_on and options.first is None:
        raise ValueError(f"tune: --out must be a new folder, got {str(options.out)!r}. Pass --continue or --from STEP.")
    shared: dict[str, Any] = {name: vars(options)[name] for name in ("sampler", "monitor", "mode", "storage")}
    protocol = Protocol(
        module,
        data,
        Budget(options.coarse_trials, options.coarse_epochs, name="4_coarse", **shared),
        Budget(options.refined_trials, options.refined_epochs, name="5_refined", **shared),
        Setup(options.out, trainer={"accelerator": options.accelerator}, seed=options.seed),
    )
    protocol.start(options.first, is_stubborn=options.anyway)
    return protocol


def imported(option: str, path: str, arguments: dict[str, object]) -> Callable[..., Any]:
    """Import what ``pkg.mod:Class`` names, and bind arguments to it.

    Raises:
        ValueError: There is no such thing.
    """
    module, _, name = path.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(importlib.import_module(module), name)
    except (AttributeError, ImportError, ValueError) as error:
        raise ValueError(f"tune: --{option} must be importable as pkg.mod:Class, got {path!r}. {error}") from error
    finally:
        sys.path.pop(0)

    def make(**further: object) -> object:
        return made(**{**arguments, **further})

    return make


def given(option: str, words: list[str]) -> dict[str, object]:
    """Read ``name=value``; a value that is no literal of Python is a text.

    Raises:
        ValueError: A word has no ``=``.
    """
    found: dict[str, object] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign:
            raise ValueError(f"tune: --{option}-arg must be NAME=VALUE, got {word!r}.")
        try:
            found[name] = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            found[name] = text
    return found
