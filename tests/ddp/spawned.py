"""Script: every row of the table under ``ddp_spawn``, together where they go together, for each run spawns anew."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.ddp.rows import ROWS, Place, Row
from tests.ddp.running import run
from tests.ddp.support import RANKS, write


def groups() -> dict[str, Sequence[Row]]:
    """Return the first row of each class: fits and tests, of those that equal one process and of those that do not."""
    firsts = [row for at, row in enumerate(ROWS) if row.name not in {other.name for other in ROWS[:at]}]
    return {
        f"{'equal' if is_equal else 'own'} in {'test' if is_test else 'fit'}": [
            row for row in firsts if (row.proof == "equal", row.is_test) == (is_equal, is_test)
        ]
        for is_equal in (True, False)
        for is_test in (True, False)
    }


def place_of(folder: Path, name: str) -> Place:
    """Make the folder of a group; each of its processes writes there."""
    own = folder / name
    own.mkdir(exist_ok=True)
    return Place(own, "spawn")


def main(folder: Path) -> None:
    for name, rows in groups().items():
        os.environ.pop("MASTER_PORT", None)  # Lightning keeps it, and anybody may have taken it since
        run(rows, place_of(folder, name))
    for rank in range(RANKS):
        write(folder, rank, {})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
