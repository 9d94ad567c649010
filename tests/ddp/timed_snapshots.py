"""Script: snapshot runs of two processes whose clocks disagree, with a time limit."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import SnapshotEnsemble
from tests.ddp.support import ddp_trainer, weights, write
from tests.support import images
from tests.timing import Clock, Paced, Validated

CYCLES, LIMIT_S = 3, 60
#: Seconds of a step by rank; the limit is that of the first.
STEP_S = (1.0, 2.7)


def run(folder: Path, clock: Clock, kind: type[Paced]) -> dict[str, Any]:
    own = ddp_trainer(
        max_epochs=-1, max_time={"seconds": LIMIT_S}, callbacks=[snapshots := SnapshotEnsemble(CYCLES, folder)]
    )
    clock.now_s = 1000.0 + 300 * own.global_rank
    model = kind(clock, lambda now_s: STEP_S[own.global_rank])
    loader = DataLoader(TensorDataset(*images(12)), batch_size=2)
    torch.manual_seed(0)
    own.fit(model, loader, loader if kind is Validated else None)
    steps = [member["step"] for member in snapshots.state_dict()["members"]]
    return {"rank": own.global_rank, "rates": model.rates, "steps": steps, "weights": weights(model)}


def main(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock.installed(patch)
        found = {kind.__name__: run(folder / kind.__name__, clock, kind) for kind in (Paced, Validated)}
    write(folder, found["Paced"]["rank"], found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
