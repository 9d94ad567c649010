"""Script: noisy fits on two processes, stopped in one epoch and resumed."""

import sys
from itertools import product
from pathlib import Path
from typing import Any

from lightning_regkit.callbacks import ExactResume
from tests.callbacks import interrupted
from tests.callbacks.interrupted import Augmented, Rows, Stops, is_same, outcome, run
from tests.ddp.support import RANKS, leave, pause_before_forks, write

BATCH = 3  # of each process: three batches an epoch, one of them after an accumulation window of two
WORKERS, ACCUMULATION = (0, 2), (1, 2)
PLACES = ("epoch_start", "batch_end_0", "batch_end_1", "batch_end_2", "validation_end_2", "epoch_end")


class Recording(Augmented):
    """Remembers what was read of it, in this process."""

    keys: list[Any] = []  # noqa: RUF012  # of all instances: fits make their own

    def __getitem__(self, key: Any) -> Any:
        self.keys.append(key)
        return super().__getitem__(key)


def stop_and_resume(folder: Path, workers: int, accumulation: int) -> dict[str, Any]:
    """Compare each resumed run with the one that went on; True where they are equal."""
    options: dict[str, Any] = {"accumulate_grad_batches": accumulation, "devices": RANKS, "strategy": "ddp"}
    options |= {"workers": workers, "num_sanity_val_steps": 0}
    folder.mkdir(exist_ok=True)
    stops = Stops(folder)
    whole = run(stops, resume=ExactResume(every=None), **options)
    read, expected = list(Recording.keys), outcome(whole)
    assert isinstance(whole.logger, Rows)
    found: dict[str, Any] = {}
    for place in PLACES:
        resumed = run(Stops(None), resume=ExactResume(every=None), ckpt_path=folder / f"{place}.ckpt", **options)
        assert isinstance(resumed.logger, Rows)
        rest, rows = whole.logger.rows[stops.rows[place] :], resumed.logger.rows
        found[place] = {name: is_same(value, expected[name]) for name, value in outcome(resumed).items()}
        # The row of the batch or epoch that was saved comes after its hook.
        found[place]["rows"] = rows in (rest, rest[1:])
    return {"resumed": found, "read": read, "rank": whole.global_rank}


def main(folder: Path) -> None:
    pause_before_forks()
    interrupted.BATCH = BATCH
    interrupted.Augmented = Recording  # type: ignore[misc]
    found = {}
    for workers, accumulation in product(WORKERS, ACCUMULATION):
        Recording.keys.clear()
        name = f"{workers} workers, accumulation {accumulation}"
        found[name] = stop_and_resume(folder / name, workers, accumulation)
    write(folder, found[name]["rank"], found)
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
