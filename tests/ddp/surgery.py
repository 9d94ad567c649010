"""Script: layers put into a module on two processes."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from lightning_regkit.callbacks import DropConnect, StochasticDepth
from lightning_regkit.regularizers import noise_layers
from lightning_regkit.schedules import Linear
from tests.ddp.support import Evaluated, ddp_trainer, weights, write
from tests.support import NUM_CLASSES, loader


class Residual(Evaluated):
    """A block and a head; notes the rates it trained with, and how many examples kept their branch."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 2, 1), BasicBlock(2, 2), nn.Flatten(), nn.Linear(32, NUM_CLASSES))
        self.asked: list[list[float]] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        layers: Any = noise_layers(self).values()
        self.asked.append([layer.p for layer in layers])
        return super().training_step(batch, batch_idx)


def outcome(*callbacks: Any) -> dict[str, Any]:
    model = Residual()
    layers = [type(layer).__name__ for layer in model.modules()]
    torch.manual_seed(3)
    own = ddp_trainer(max_epochs=2, callbacks=list(callbacks))
    own.fit(model, loader(20))
    is_undone = [type(layer).__name__ for layer in model.modules()] == layers
    return {"weights": weights(model), "rates": model.asked, "is_undone": is_undone}


def main(folder: Path) -> None:
    noisy = outcome(StochasticDepth(0.5, schedule=Linear()), DropConnect(0.5))
    found = {"plain": outcome(), "noisy": noisy}
    write(folder, torch.distributed.get_rank(), found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
