"""Start a script as two gloo processes on CPU, and what the scripts share.

A script is run as ``python -m tests.ddp.<name> FOLDER``; Lightning starts its second process. Everything defined
here is importable, so that it also pickles for ``ddp_spawn``.
"""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.nn import functional

from lightning_regkit._lightning._override import Override
from lightning_regkit.callbacks._averaged_prediction import AveragedPrediction
from tests.support import Classifier, Validated, trainer

RANKS = 2
TIMEOUT_S = 300
REPOSITORY = Path(__file__).parents[2]
#: What an outer run may have left in the environment, and what would make ours something else.
FOREIGN = (
    "MASTER_ADDR",
    "MASTER_PORT",
    "WORLD_SIZE",
    "NODE_RANK",
    "LOCAL_RANK",
    "PL_GLOBAL_SEED",
    "LIGHTNING_REGKIT_PL",
)


def run(name: str, folder: Path, *, fails_with: str | None = None) -> list[dict[str, Any]]:
    """Run ``tests.ddp.<name>`` on two processes and return what each rank wrote, rank 0 first.

    ``fails_with`` is what the script says when it is meant to end by an exception.
    """
    environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.ddp.{name}", str(folder)],
        cwd=REPOSITORY,
        env={**environment, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a group of its own, so that a hanging second rank goes with the first
    )
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"{name} hangs:\n{process.communicate()[0][-6000:]}") from None
    assert (process.returncode == 0) == (fails_with is None), output[-6000:]
    assert fails_with is None or fails_with in output, output[-6000:]
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(RANKS)]


def write(folder: Path, rank: int, found: dict[str, Any]) -> None:
    (folder / f"rank{rank}.json").write_text(json.dumps(found))


def pause_before_forks() -> None:
    """Let gloo's threads come to rest before a loader forks its workers.

    Before Python 3.11.10 a child hangs for ever if another thread of its parent was just then making known to the
    interpreter that it exists (https://github.com/python/cpython/issues/112275), as gloo's do after a collective.
    """
    os.register_at_fork(before=partial(time.sleep, 0.05))


def leave() -> None:
    """End together: the interpreter, on its way out, may abort in a process group that another process has left."""
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def ddp_trainer(strategy: str = "ddp", **options: Any) -> pl.Trainer:
    return trainer(**{"devices": RANKS, "strategy": strategy, "num_sanity_val_steps": 0, **options})


class Flip(AveragedPrediction):
    """Averages the logits of the images and of their mirror images."""

    def __init__(self) -> None:
        super().__init__("Flip", stages=("validate", "test", "predict"))
        self.count = 0

    def average(self, predict: Any, inputs: Any) -> Tensor:
        self.count += 1
        return (predict(inputs) + predict(inputs.flip(-1))) / 2


class Evaluated(Validated):
    """Remembers what it was given and what came out; looks the same in all three stages."""

    def __init__(self) -> None:
        torch.manual_seed(0)  # as a user would: equal weights on both ranks even where DDP does not broadcast them
        super().__init__()
        self.inputs: list[Tensor] = []

    def _evaluate(self, batch: Any) -> Tensor:
        self.inputs.append(batch[0])
        self.outputs.append(self.predict(batch[0]))
        return self.outputs[-1]

    def predict(self, inputs: Tensor) -> Tensor:
        return self(inputs)


class CallsNet(Evaluated):
    def predict(self, inputs: Tensor) -> Tensor:
        return self.net(inputs)


class CallsNothing(Evaluated):
    def predict(self, inputs: Tensor) -> Tensor:
        return functional.linear(inputs.flatten(1), self.net[1].weight, self.net[1].bias)


def is_clean(model: Classifier) -> bool:
    """Tell whether no module holds a layer of ours."""
    return not any(isinstance(value, Override) for module in model.modules() for value in vars(module).values())


def weights(model: Classifier) -> list[float]:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).tolist()


class Reports(Callback):
    """Writes what a spawned process saw, for nothing of it comes back to the parent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        assert isinstance(pl_module, Evaluated)
        found = {
            "seen": [batch[0].tolist() for batch in pl_module.seen],
            "rates": pl_module.rates,
            "weights": weights(pl_module),
            "averages": [other.count for other in trainer.callbacks if isinstance(other, Flip)],  # type: ignore[attr-defined]
            "is_clean": is_clean(pl_module),
        }
        write(self.folder, trainer.global_rank, found)
