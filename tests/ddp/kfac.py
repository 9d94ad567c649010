"""Script: fits with preconditioned gradients where the data is shared out."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from lightning_regkit.callbacks._kfac_preconditioner import KFACPreconditioner
from tests.ddp.support import ddp_trainer, weights, write
from tests.support import Classifier, images

COUNT, BATCH_SIZE = 24, 4  # of each rank


class Network(Classifier):
    """A convolution and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return functional.cross_entropy(self(batch[0]), batch[1])


def fit(trainer: Any, batch_size: int) -> dict[str, Any]:
    """Fit two epochs and return weights and factors."""
    torch.manual_seed(0)
    model, ours = Network(), trainer.callbacks[0]
    calls: list[int] = []
    reduce = trainer.strategy.reduce

    def counted(values: Any, *args: Any, **options: Any) -> Any:
        calls.extend([len(values)] if values.ndim else [])  # the scalars are of Lightning
        return reduce(values, *args, **options)

    trainer.strategy.reduce = counted
    data = TensorDataset(*images(COUNT))
    order: DistributedSampler[Any] = DistributedSampler(
        data, num_replicas=trainer.world_size, rank=trainer.global_rank, shuffle=False
    )
    trainer.fit(model, DataLoader(data, batch_size, sampler=order))
    state = ours.state_dict()
    return {
        "rank": trainer.global_rank,
        "weights": weights(model),
        "steps": state["steps"],
        "factors": {
            name: {key: value.tolist() for key, value in each.items()} for name, each in state["factors"].items()
        },
        "num_reductions": len(calls),
    }


def options() -> dict[str, Any]:
    kfac = KFACPreconditioner(0.1, update_every=2, invert_every=4)
    return {"max_epochs": 2, "use_distributed_sampler": False, "precision": "64-true", "callbacks": [kfac]}


def main(folder: Path) -> None:
    found = {"plain": fit(ddp_trainer(**options()), BATCH_SIZE)}
    found["accumulated"] = fit(ddp_trainer(**options(), accumulate_grad_batches=2), BATCH_SIZE // 2)
    write(folder, found["plain"]["rank"], found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
