"""Hit runs that resume exactly, 25 times and more: ``python -m tests.faults [--seed N] [--only TEXT]``.

Prints what was done and what came out; exits with 1 if any run differs from one that was never hit.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tests.faults.faults import FULL_DISK, KILL, KILL_IN_A_WRITE, KILL_RANK_0, KILL_RANK_1, READ_ONLY, TERMINATE
from tests.faults.job import Setup
from tests.faults.story import Row, Story, Theater

ONE, WORKERS, TWO, TWO_WORKERS = Setup(), Setup(workers=2), Setup(devices=2), Setup(devices=2, workers=2)
#: 25 kills: 10 of them anywhere, 8 in a write, 4 by SIGTERM, 3 of one rank alone.
STORIES: Final = (
    Story(ONE, (KILL, KILL_IN_A_WRITE, KILL, KILL_IN_A_WRITE, TERMINATE, KILL_IN_A_WRITE, KILL, KILL)),
    Story(WORKERS, (KILL, KILL_IN_A_WRITE, TERMINATE, KILL_IN_A_WRITE, KILL, KILL, KILL_IN_A_WRITE)),
    Story(TWO, (KILL, KILL_RANK_1, KILL_IN_A_WRITE, TERMINATE, KILL, KILL_RANK_0)),
    Story(TWO_WORKERS, (KILL, TERMINATE, KILL_RANK_1, KILL_IN_A_WRITE)),
    Story(ONE, (FULL_DISK, READ_ONLY), is_on_tmpfs=True),
    Story(TWO, (FULL_DISK, READ_ONLY), is_on_tmpfs=True),
)


def main(arguments: Sequence[str] | None = None) -> list[Row]:
    """Play what the command line asks for, print a row of the table as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of the stories to play, from 0")
    given = parser.parse_args(arguments)
    rows, start = [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults") as folder:
        theater = Theater(Path(folder), np.random.default_rng(given.seed))
        for number in range(len(STORIES)) if given.only is None else given.only:
            story = STORIES[number]
            if story.is_on_tmpfs and os.geteuid() != 0:
                names = ", ".join(fault.name for fault in story.faults)
                print(f"{story.setup!s:23} skipped: {names}: only root can mount a small disk")
                continue
            for row in theater.play(story):
                print(row, flush=True)
                rows.append(row)
    print(summary(rows), f"{time.monotonic() - start:.0f} s, seed {given.seed}.")
    return rows


def summary(rows: Sequence[Row]) -> str:
    """Count what was done, and what came out wrong."""
    kills, disks, runs = (sum(row.kind == kind for row in rows) for kind in ("kill", "disk", "run"))
    wrong = sum(bool(row.wrong) for row in rows)
    return f"{kills} kills, {disks} disks that refused, {runs} runs compared: {wrong} wrong;"


if __name__ == "__main__":
    sys.exit(any(row.wrong for row in main()))
