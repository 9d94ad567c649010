"""A clock for Lightning's ``Timer`` that moves when a test says so, and modules whose steps move it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
from lightning.pytorch.callbacks import timer as new
from pytorch_lightning.callbacks import timer as old

from tests.callbacks.ensembles import Scored


@dataclass
class Clock:
    """Stands where the module of Lightning's ``Timer`` has ``time``."""

    now_s: float = 1000.0

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> "Clock":
        clock = cls()
        for module in (new, old):
            monkeypatch.setattr(module, "time", clock)
        return clock

    def monotonic(self) -> float:
        return self.now_s


class Paced(Scored):
    """Training steps take the time they are told, and nothing else does."""

    def __init__(self, clock: Clock, step_s: Callable[[float], float] = lambda now_s: 1.0) -> None:
        super().__init__(1)
        self.clock, self.step_s = clock, step_s

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.clock.now_s += self.step_s(self.clock.now_s)
        return super().training_step(batch, batch_idx)


class Validated(Paced):
    """Validations take five seconds each."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("at_step", float(self.global_step))

    def on_validation_epoch_end(self) -> None:
        self.clock.now_s += 5


class Save(pl.Callback):
    """Saves a checkpoint after so many steps, and may stop the run there."""

    def __init__(self, step: int, path: Path, *, stops: bool = False) -> None:
        self.step, self.path, self.stops = step, path, stops

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
            trainer.should_stop = trainer.should_stop or self.stops
