"""Count how often two processes meet in a training step and in an epoch, beyond what a bare Trainer's do.

``python -m tests.benchmarks.collectives [NAME ...]``. Counts, not times, so there is no peer to compare with;
``tests/ddp/test_collectives.py`` holds each callback to its own.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.ddp.support import run


def table(counts: Mapping[str, Mapping[str, float]]) -> str:
    """Aligned columns, those of a bare Trainer in the last."""
    rows: list[tuple[str, ...]] = [("callback", "a step", "an epoch", "bare, a step")]
    rows += [(name, *(f"{each[part]:g}" for part in ("step", "epoch", "bare"))) for name, each in counts.items()]
    name_width, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join([name.ljust(name_width), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))])
        for name, *cells in rows
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Count on two gloo processes, each callback by itself and some together, and print what the first one counted."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.collectives", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what names of callbacks begin with; all by default")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="collectives-") as folder:
        counts: dict[str, Any] = run("collectives", Path(folder))[0]
    chosen = tuple(given.names) or ("",)
    print(table({name: each for name, each in counts.items() if name.startswith(chosen)}))


if __name__ == "__main__":
    main()
