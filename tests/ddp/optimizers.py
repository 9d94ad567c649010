"""Script: every optimizer of the registry on two processes."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Subset

from lightning_regkit import optim
from tests.ddp.support import RANKS, ddp_trainer, write
from tests.optim.probe import BATCH_SIZE, COUNT, Guard, Probe, data
from tests.optim.support_table import NAMES


class Shared(Probe):
    def train_dataloader(self) -> Any:
        """Share the data out in order, where Lightning would shuffle it first."""
        part = Subset(data(), range(self.global_rank, COUNT, RANKS))
        return DataLoader(part, batch_size=BATCH_SIZE)


def fit(name: str) -> dict[str, Any]:
    model = Shared(name)
    own = ddp_trainer(max_epochs=1, precision="64-true", callbacks=[Guard()], use_distributed_sampler=False)
    try:
        own.fit(model)
    except ValueError as refusal:
        return {"rank": own.global_rank, "refusal": str(refusal)}
    weights = torch.cat([parameter.detach().flatten() for parameter in model.net.parameters()])
    return {"rank": own.global_rank, "weights": weights.tolist()}


def main(folder: Path) -> None:
    found = {name: fit(name) for name in NAMES if name in optim.names()}
    write(folder, found["sgd"]["rank"], found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
