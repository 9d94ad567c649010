"""Run benchmarks: ``python -m tests.benchmarks [name ...] [--out FILE] [--threads N]``.

Every ``bench_<name>.py`` beside this file has a function ``comparisons(*, tiny: bool) -> list[Comparison]``.
"""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import torch

from tests.benchmarks.harness import Comparison, Result, compare, environment, table, write

PREFIX = "bench_"
NAMES = sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py"))
OUT = Path("benchmarks-out") / "results.json"


def comparisons(name: str, *, tiny: bool) -> list[Comparison]:
    """The comparisons of one benchmark, at full size or just large enough to run."""
    build: Callable[..., list[Comparison]] = import_module(f"tests.benchmarks.{PREFIX}{name}").comparisons
    return build(tiny=tiny)


def main(arguments: Sequence[str] | None = None) -> list[Result]:
    """Run what the command line asks for, print a table, write JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Speed as a ratio to a peer.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="smallest sizes, to see that it runs")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"no such benchmark: {', '.join(unknown)}. Known: {', '.join(NAMES)}.")
    torch.set_num_threads(given.threads)
    results = [compare(each) for name in given.names or NAMES for each in comparisons(name, tiny=given.tiny)]
    print(environment()["machine"], table(results), sep="\n")
    write(given.out, results)
    print(f"written to {given.out}")
    return results


if __name__ == "__main__":
    main()
