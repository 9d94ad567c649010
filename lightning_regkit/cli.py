"""The console script ``regkit``.

::

    regkit report lightning_logs        # one page of HTML from the logs of runs
    regkit tune --module pkg.mod:Class  # seven steps to hyperparameters
    regkit report --help
"""

import argparse
import collections.abc
import dataclasses
import typing

from lightning_regkit.report import _command as report
from lightning_regkit.tuning import _command as tune

__all__ = ["COMMANDS", "Command", "main"]


@typing.final
@dataclasses.dataclass(frozen=True)
class Command:
    """One subcommand.

    Args:
        about: What it does, in a line.
        add_arguments: Declares its arguments.
        run: Does it with those that were given.

    Example:
        >>> COMMANDS["report"].about
        'one page of HTML from the logs of runs, which opens without a network'
    """

    about: str
    add_arguments: collections.abc.Callable[[argparse.ArgumentParser], None]
    run: collections.abc.Callable[[argparse.Namespace], None]


#: Every subcommand by its name.
COMMANDS: typing.Final = {
    "report": Command(report.ABOUT, report.add_arguments, report.run),
    "tune": Command(tune.ABOUT, tune.add_arguments, tune.run),
}


def main(arguments: collections.abc.Sequence[str] | None = None) -> None:
    """Run one subcommand; what it refuses is said in a sentence, and the exit code is not 0.

    Args:
        arguments: Words after ``regkit``; None takes them from the command line.

    Example:
        >>> main(["report", "nowhere"])
        Traceback (most recent call last):
        SystemExit: report: RUN must hold metrics.csv, event files or trials.csv, at any depth, got 'nowhere'.
    """
    parser = argparse.ArgumentParser("regkit", description="Tools around training runs with lightning_regkit.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.about, description=f"{name}: {command.about}.")
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    options.run(options)
