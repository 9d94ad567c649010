"""Script: how many collectives each callback adds to those of a bare Trainer, and how many all together do."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from torch.utils._python_dispatch import TorchDispatchMode

from tests.ddp.rows import ROWS, Place, Row
from tests.ddp.running import run, without
from tests.ddp.support import leave, write

#: (epochs, steps of each).
FITS: Final = ((1, 4), (1, 8), (2, 4))
#: What a run may well have at once.
STACK: Final = ("ScheduleLR", "WeightPenalty", "BestEpochCheckpoint", "ExactResume", "Mixup", "RandomErasing")


class Count(TorchDispatchMode):
    """Counts every operation on a process group, whoever starts it: those of DDP are among them, and of objects."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.total += operation.namespace == "c10d"
        return operation(*args, **(kwargs or {}))


def counts(rows: Sequence[Row], place: Place) -> list[int]:
    """Count in three runs."""
    found = []
    for epochs, steps in FITS:
        own = Place(place.folder / f"{epochs}-{steps}", place.way)
        with Count() as count:
            run(rows, own, max_epochs=epochs, steps=steps, is_common=False)
        found.append(count.total)
    return found


def added(rows: Sequence[Row], place: Place) -> dict[str, Any]:
    """Return the collectives of a step and of an epoch, and those that callbacks which do nothing come with."""
    ours = counts(rows, place)
    bare = counts([without(row) for row in rows], place)
    more = [one - other for one, other in zip(ours, bare, strict=True)]
    steps = FITS[1][1] - FITS[0][1]
    step = (more[1] - more[0]) / steps
    return {"step": step, "epoch": more[2] - more[0] - FITS[0][1] * step, "bare": (bare[1] - bare[0]) / steps}


def main(folder: Path) -> None:
    found = {row.key: added([row], Place(folder / row.key, "ddp")) for row in ROWS}
    found["together"] = added([row for row in ROWS if row.key in STACK], Place(folder / "together", "ddp"))
    write(folder, run([], Place(folder, "ddp"))["rank"], found)
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
