"""Run benchmarks: ``python -m tests.benchmarks [name ...] [--out FOLDER] [--threads N] [--tiny]``.

Several, or all of them, run one after the other in interpreters of their own, so that none is the warmup of the next
and one that fails leaves the others to run; the exit status then is 1. Each writes ``FOLDER/<name>.json``.

Every ``bench_<name>.py`` beside this file has a function ``comparisons(*, tiny: bool) -> list[Comparison]``. It may
have ``THREADS``, how many torch has where that is not 2: one where only one of the two would use the second core, or
where operations are so small that sharing them is what would be measured. And ``notes(results) -> dict[str, float]``:
figures that follow from several comparisons.
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch

from tests.benchmarks.harness import Comparison, Report, compare, environment, table, write

PREFIX = "bench_"
FOLDER = Path(__file__).parent
NAMES = sorted(path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.py"))
COMMAND = ("python", "-m", "tests.benchmarks")
OUT = Path("benchmarks-out")
PUBLISHED = FOLDER.parents[1] / "docs" / "benchmarks"
THREADS = 2


def benchmark(name: str) -> ModuleType:
    """Import one of ``NAMES``."""
    return import_module(f"tests.benchmarks.{PREFIX}{name}")


def comparisons(name: str, *, tiny: bool) -> list[Comparison]:
    """The comparisons of one benchmark, at full size or just large enough to run."""
    found: list[Comparison] = benchmark(name).comparisons(tiny=tiny)
    return found


def run(name: str, threads: int | None = None, *, tiny: bool) -> Report:
    """Run one benchmark.

    Args:
        name: One of ``NAMES``.
        threads: How many torch has; None for as many as the benchmark is to be measured with.
        tiny: Whether only to see that it runs.
    """
    start = time.perf_counter()
    module = benchmark(name)
    own = vars(module)
    torch.set_num_threads(threads or own.get("THREADS", THREADS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Lightning and its peers say to each Trainer
        results = [compare(each) for each in comparisons(name, tiny=tiny)]
    notes = own["notes"](results) if "notes" in own else {}
    return Report(results, notes, time.perf_counter() - start)


def main(arguments: Sequence[str] | None = None) -> list[str]:
    """Run what the command line asks for; return the names of those that failed."""
    given = _given(arguments)
    options = [*(["--threads", str(given.threads)] if given.threads else []), *(["--tiny"] if given.tiny else [])]
    if len(given.names) > 1:
        child = [sys.executable, *COMMAND[1:], *options, "--out", str(given.out)]
        failed = [name for name in given.names if subprocess.call([*child, name])]
        if failed:
            print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return failed
    (name,) = given.names
    report, file = run(name, given.threads, tiny=given.tiny), given.out / f"{name}.json"
    command = [*COMMAND, name, *options]
    write(file, command, report)
    print(f"{' '.join(command)}: {report.seconds:.0f} s, {environment(command)['machine']}")
    print(table(report.results), *(f"{note}: {value:.2f}" for note, value in report.notes.items()), sep="\n")
    print(f"written to {file}\n", flush=True)
    return []


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description="Speed as a ratio to a peer.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the JSON files (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="threads of torch (default: what each benchmark says)")
    parser.add_argument("--tiny", action="store_true", help="smallest sizes, to see that it runs")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"no such benchmark: {', '.join(unknown)}. Known: {', '.join(NAMES)}.")
    if given.tiny and given.out.resolve() == PUBLISHED:
        parser.error(f"--out must not be {given.out} with --tiny, which measures nothing. Name another folder.")
    given.names = given.names or NAMES
    return given


if __name__ == "__main__":
    sys.exit(bool(main()))
