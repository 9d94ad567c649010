"""Script: a test-time average in every stage, a refusal on both ranks, and at last one on the second rank only."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from lightning_regkit.errors import NotAveragedError
from tests.ddp.support import CallsNet, CallsNothing, Evaluated, Flip, ddp_trainer, is_clean, write
from tests.support import loader


def entry(own: pl.Trainer, stage: str) -> Callable[..., Any]:
    entries: dict[str, Callable[..., Any]] = {"test": own.test, "validate": own.validate, "predict": own.predict}
    return entries[stage]


def look(model: Evaluated, flip: Flip, rank: int) -> dict[str, Any]:
    single = [model.net(inputs) for inputs in model.inputs]
    flipped = [model.net(inputs.flip(-1)) for inputs in model.inputs]
    pairs = list(zip(model.outputs, single, flipped, strict=True))
    found = {
        "rank": rank,
        "count": flip.count,
        "is_right": all(torch.allclose(out, (one + two) / 2, atol=1e-6) for out, one, two in pairs),
        "is_not_single": not any(torch.allclose(out, one, atol=1e-3) for out, one, _ in pairs),
        "is_clean": is_clean(model),
        "has_forward": "forward" in vars(model),
        "inputs": [inputs.tolist() for inputs in model.inputs],
    }
    flip.count = 0
    model.inputs.clear()
    model.outputs.clear()
    return found


@torch.no_grad()
def evaluated(model: Evaluated) -> dict[str, Any]:
    flip = Flip()
    own = ddp_trainer(callbacks=[flip])
    found = {}
    for stage in ("test", "validate", "predict"):
        entry(own, stage)(model, loader(8))
        found[stage] = look(model, flip, own.global_rank)
    return found


class Snapshots(Flip):
    """Evaluates with the weights of that moment, for the fit goes on to change them."""

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        super().on_validation_end(trainer, pl_module)
        with torch.no_grad():
            self.found = look(pl_module, self, trainer.global_rank)


def fitted(model: Evaluated) -> dict[str, Any]:
    """Validate inside a fit, where DDP redirects ``forward``, then test the same module."""
    snapshots = Snapshots()
    ddp_trainer(max_epochs=2, callbacks=[snapshots]).fit(model, loader(8), loader(8))
    leftover = vars(model).get("forward")
    is_own = leftover is None or leftover == type(model).forward.__get__(model)
    return {"fit": snapshots.found, "is_plain_forward": is_own, "after": evaluated(model)}


def refused(stage: str) -> dict[str, Any]:
    model, own = CallsNothing(), ddp_trainer(callbacks=[Flip()])
    text = ""
    try:
        entry(own, stage)(model, loader(8))
    except NotAveragedError as error:
        text = str(error)
    return {"text": text, "is_clean": is_clean(model), "count": len(model.outputs)}


class MissesOnSecond(CallsNothing):
    def predict(self, inputs: torch.Tensor) -> torch.Tensor:
        logits = self(inputs) if self.global_rank == 0 else super().predict(inputs)
        self.log("mean", logits.mean(), sync_dist=True)
        return logits


def main(folder: Path) -> None:
    found: dict[str, Any] = {
        "self": evaluated(Evaluated()),
        "net": evaluated(CallsNet()),
        "fit_self": fitted(Evaluated()),
        "fit_net": fitted(CallsNet()),
        "refused": {stage: refused(stage) for stage in ("test", "validate", "predict")},
    }
    write(folder, found["self"]["test"]["rank"], found)
    ddp_trainer(callbacks=[Flip()]).test(MissesOnSecond(), loader(8))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
