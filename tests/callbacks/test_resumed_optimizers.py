"""K-FAC, penalties and SAM under ExactResume: the bits of the uninterrupted run, wherever it stops."""

import os
import signal
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_regkit import optim
from lightning_regkit.callbacks import ExactResume, KFACPreconditioner, WeightPenalty
from tests.callbacks import interrupted
from tests.callbacks.interrupted import Noisy, Stops, is_same, outcome, run

pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")


class Sharp(Noisy):
    """Evaluates every batch twice, each time with dropout of its own."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optim.create(self, "sam", lr=0.05, rho=0.1)


class Terminated(pl.Callback):
    """Gets SIGTERM at the end of one batch of the second epoch."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
        if (trainer.current_epoch, rest[-1]) == (1, self.batch):
            os.kill(os.getpid(), signal.SIGTERM)


def callbacks(kind: str) -> list[pl.Callback]:
    if kind == "kfac":
        return [KFACPreconditioner(0.1, update_every=2, invert_every=4, kl_clip=1e-2)]
    if kind == "sam":
        return []
    return [WeightPenalty(l1=1e-2, l2=1e-2, proximal=kind == "proximal")]


def options(kind: str) -> dict[str, Any]:
    window = 1 if kind == "sam" else 3
    return {"callbacks": callbacks(kind), "accumulate_grad_batches": window, "limit_val_batches": 0}


def state(trainer: pl.Trainer) -> dict[str, Any]:
    found = outcome(trainer)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, KFACPreconditioner):
            found["kfac"] = callback.state_dict()
    return found


@pytest.mark.parametrize("kind", ["kfac", "gradient", "proximal", "sam"])
def test_a_run_stopped_at_any_hook_continues_bit_for_bit(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "sam":
        monkeypatch.setattr(interrupted, "Noisy", Sharp)
    stops = Stops(tmp_path)
    whole = state(run(stops, resume=ExactResume(None), **options(kind)))
    assert {f"batch_end_{batch}" for batch in range(9)} <= stops.rows.keys()
    for name in stops.rows:
        resumed = run(Stops(None), resume=ExactResume(None), ckpt_path=tmp_path / f"{name}.ckpt", **options(kind))
        assert is_same(state(resumed), whole), name


@pytest.mark.parametrize("batch", [3, 4, 5], ids=["window opened", "window half full", "window closed"])
def test_sigterm_in_a_window_keeps_the_moments_seen(batch: int, tmp_path: Path) -> None:
    whole = run(Stops(None), resume=ExactResume(None, dirpath=tmp_path / "whole"), **options("kfac"))
    given = options("kfac")
    given["callbacks"].append(Terminated(batch))
    with pytest.raises(SIGTERMException):
        run(Stops(None), resume=ExactResume(None, dirpath=tmp_path), **given)
    resume = ExactResume(None, dirpath=tmp_path)
    resumed = run(Stops(None), resume=resume, ckpt_path="last", **options("kfac"))
    assert is_same(state(resumed), state(whole))


def test_the_window_is_one_whose_moments_matter() -> None:
    ours = options("kfac")
    kfac = ours["callbacks"][0]
    due: list[bool] = []

    class Asks(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
            if trainer.current_epoch == 1:
                due.append(kfac.is_due)

    ours["callbacks"].append(Asks())
    run(Stops(None), resume=ExactResume(None), **ours)
    assert due[3:5] == [True, True]
