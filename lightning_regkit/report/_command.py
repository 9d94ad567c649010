"""``regkit report``."""

import argparse
import sys
from pathlib import Path

from lightning_regkit.report._diagnose_run import diagnose_run
from lightning_regkit.report._page import write_page
from lightning_regkit.report._read import read_runs

__all__ = ["ABOUT", "add_arguments", "run"]

ABOUT = "one page of HTML from the logs of runs, which opens without a network"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command is told."""
    what = "a folder with metrics.csv, event files of TensorBoard or trials.csv, or one above such folders"
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help=what)
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the page (default: %(default)s)")
    parser.add_argument("--title", default="Training report", help="its heading (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    """Write the page and say where it is; what cannot be read is said in a sentence."""
    try:
        write_page(options.out, read_runs(options.runs), title=options.title, diagnose=diagnose_run)
    except (ImportError, OSError, ValueError) as refusal:
        raise SystemExit(str(refusal)) from refusal
    sys.stdout.write(f"{options.out}\n")
