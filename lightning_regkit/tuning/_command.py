"""``regkit tune``."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lightning_regkit.tuning._arguments import callbacks_given, given, imported
from lightning_regkit.tuning._parse_space import parse_space

if TYPE_CHECKING:
    from lightning_regkit.tuning._protocol import Protocol

__all__ = ["ABOUT", "add_arguments", "add_budget", "protocol_of", "run"]

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
    what = "a callback that takes part, of rk.callbacks or by its path: PKG.MOD:CLASS"
    parser.add_argument("--callback", action="append", default=[], metavar="NAME", help=what)
    what = "an argument of such a callback: Mixup.alpha=0.4, ScheduleLR.spec=Cosine()"
    parser.add_argument("--callback-arg", action="append", default=[], metavar="CALLBACK.NAME=VALUE", help=what)
    what = "what steps 4 and 5 search over, besides lr and weight_decay: Mixup.alpha=0.1..1, optimizer=nesterov,adamw"
    parser.add_argument("--space", action="append", default=[], metavar="NAME=VALUES", help=what)
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
    parser.add_argument("--no-pruning", action="store_true", help="let bad trials of steps 4 and 5 run to their end")
    parser.add_argument("--monitor", default="val_acc", help="metric of validation (default: %(default)s)")
    parser.add_argument("--mode", default="max", help="max or min (default: %(default)s)")
    parser.add_argument("--storage", help="URL of a database, or a .journal file; else SQLite in the folder")
    parser.add_argument("--seed", type=int, default=0, help="of order and noise (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=1, help="of the range test of step 3 (default: %(default)s)")


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
        options: What ``add_arguments`` declares.

    Raises:
        TypeError: A callback has no such argument.
        ValueError: They do not, a number is out of range, or a name is unknown.
    """
    from lightning_regkit.tuning._budget import Budget  # noqa: PLC0415  # some load torch and Lightning
    from lightning_regkit.tuning._progress import NAME  # noqa: PLC0415
    from lightning_regkit.tuning._protocol import Protocol  # noqa: PLC0415
    from lightning_regkit.tuning._setup import Setup  # noqa: PLC0415

    if (options.out / NAME).exists() and not options.goes_on and options.first is None:
        raise ValueError(f"tune: --out must be a new folder, got {str(options.out)!r}. Pass --continue or --from STEP.")
    shared: dict[str, Any] = {name: vars(options)[name] for name in ("sampler", "monitor", "mode", "storage")}
    shared["is_pruned"] = not options.no_pruning
    callbacks = callbacks_given(options.callback, options.callback_arg)
    protocol = Protocol(
        module,
        data,
        Budget(options.coarse_trials, options.coarse_epochs, name="4_coarse", **shared),
        Budget(options.refined_trials, options.refined_epochs, name="5_refined", **shared),
        Setup(options.out, callbacks, {"accelerator": options.accelerator}, options.seed, options.repeats),
        parse_space(options.space),
    )
    protocol.start(options.first, is_stubborn=options.anyway)
    return protocol
