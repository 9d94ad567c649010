"""Script: weight penalties on two processes, through the gradient and proximal, and torch's own decay."""

import sys
from pathlib import Path
from typing import Any

import torch
from typing_extensions import override

from lightning_regkit.callbacks._schedule_lr import ScheduleLR
from lightning_regkit.callbacks._weight_penalty import WeightPenalty
from lightning_regkit.schedules import Cosine
from tests.ddp.support import Evaluated, ddp_trainer, weights, write
from tests.support import loader

EPOCHS = 2
L1, L2 = 0.3, 0.03


class Decaying(Evaluated):
    """Has torch's weight decay on its weights, not on its biases."""

    def __init__(self, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.weight_decay = weight_decay

    @override
    def configure_optimizers(self) -> torch.optim.Optimizer:
        weight, bias = self.net.parameters()
        groups: list[dict[str, Any]] = [{"params": [weight], "weight_decay": self.weight_decay}, {"params": [bias]}]
        return torch.optim.SGD(groups, lr=0.1, momentum=0.5)


def fit(*callbacks: Any, weight_decay: float = 0.0, accumulate: int = 1) -> tuple[dict[str, Any], int]:
    model = Decaying(weight_decay)
    own = ddp_trainer(max_epochs=EPOCHS, callbacks=list(callbacks), accumulate_grad_batches=accumulate)
    own.fit(model, loader(40))
    metrics = {name: float(value) for name, value in own.callback_metrics.items()}
    return {"weights": weights(model), "metrics": metrics}, own.global_rank


def main(folder: Path) -> None:
    found: dict[str, Any] = {}
    for accumulate in (1, 2):
        found[f"torch {accumulate}"], rank = fit(weight_decay=L2, accumulate=accumulate)
        found[f"ours {accumulate}"], _ = fit(WeightPenalty(l2=L2, log_as="penalty"), accumulate=accumulate)
    found["none"], _ = fit()
    found["proximal"], _ = fit(WeightPenalty(l1=L1, proximal=True), ScheduleLR(Cosine()))
    write(folder, rank, found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
