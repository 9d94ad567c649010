"""Script: what is logged of a run of two processes."""

import sys
from pathlib import Path
from typing import Any

from lightning_regkit.callbacks._command_center import CommandCenter
from tests.callbacks.logged import Rows
from tests.ddp.probe import STEPS, Probe, shared
from tests.ddp.support import leave, write
from tests.ddp.ways import options
from tests.support import trainer


def fit(way: str) -> tuple[int, list[Any]]:
    """Fit, and return the rank and all rows that are ours."""
    rows = Rows()
    own = trainer(
        max_epochs=2,
        logger=rows,
        log_every_n_steps=2,
        use_distributed_sampler=False,
        callbacks=[CommandCenter(images=0)],
        **options(way),
    )
    data = [shared(steps, world_size=own.num_devices, is_training=steps == STEPS) for steps in (STEPS, 1)]
    own.fit(Probe(way), *data)
    return own.global_rank, [each for each in rows.rows if any(name.startswith("center/") for name in each[1])]


def main(folder: Path) -> None:
    rank, rows = fit("ddp")
    write(folder, rank, {"rows": rows})
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
