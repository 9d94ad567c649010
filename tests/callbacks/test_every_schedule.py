"""Every schedule in real fits: the rate of each optimizer step is that of ``simulate``, whatever the loop does."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
import yaml
from lightning.pytorch.callbacks import GradientAccumulationScheduler, ModelCheckpoint
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.plugins import MixedPrecision

from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.schedules import ScheduleSpec, simulate
from tests._lightning.test_clock import Overflows
from tests.schedules.test_all import CASES, Case
from tests.support import Classifier, loader, trainer

BATCHES, BASE_LR = 5, 0.1
EVERY_CASE = pytest.mark.parametrize("case", CASES.values(), ids=[name for _, name in CASES])

# How the run is bounded and accumulated -> the optimizer steps it makes; 5 batches an epoch.
RUNS: dict[str, tuple[dict[str, Any], int]] = {
    "max_epochs": ({"max_epochs": 2}, 10),
    "max_steps": ({"max_steps": 7}, 7),
    "max_time": ({"max_epochs": 2, "max_time": "01:00:00:00"}, 10),
    "accumulate 2": ({"max_epochs": 2, "accumulate_grad_batches": 2}, 6),
    "accumulate 5": ({"max_epochs": 3, "accumulate_grad_batches": 5}, 3),
    "accumulate 1, 2, 4": ({"max_epochs": 3, "scheduling": {1: 2, 2: 4}}, 5 + 3 + 2),
}


def warmup_of(case: Case) -> int:
    return 1 if case.warmup else 0


def declared(case: Case, total: int) -> list[float]:
    factors = simulate(case.spec(total), total_steps=total, warmup=warmup_of(case))
    return [BASE_LR * factor for factor in factors[:total]]


def driven(case: Case, total: int) -> ScheduleLR:
    return ScheduleLR(case.spec(total), warmup=warmup_of(case))


@EVERY_CASE
@pytest.mark.parametrize("run", RUNS)
def test_the_rates_used_are_the_rates_declared(case: Case, run: str) -> None:
    options, total = RUNS[run]
    options, model = dict(options), Classifier(lr=BASE_LR)
    callbacks: list[pl.Callback] = [driven(case, total)]
    if "scheduling" in options:
        callbacks.append(GradientAccumulationScheduler(options.pop("scheduling")))
    trainer(callbacks=callbacks, **options).fit(model, loader(2 * BATCHES))
    assert model.rates == declared(case, total)


@EVERY_CASE
@pytest.mark.parametrize("fused", [False, True], ids=["skipped by the scaler", "fused, skips by itself"])
def test_lightning_5558_16228_18828_21339_a_skipped_step_does_not_move_the_rate(case: Case, fused: bool) -> None:
    model, after = Overflows(fused=fused), []

    class Reads(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
            after.append(trainer.optimizers[0].param_groups[0]["lr"])

    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    trainer(max_epochs=1, callbacks=[driven(case, 5), Reads()], plugins=[plugin]).fit(model, loader(2 * BATCHES))
    rates = declared(case, 5)
    assert after == [rates[step] for step in (0, 1, 1, 2, 2)], "batches 1 and 3 overflow"


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
@EVERY_CASE
def test_lightning_5455_15462_and_torch_65342_162591_a_resumed_run_goes_on(case: Case, tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    model = Classifier(lr=BASE_LR, momentum=0.9)
    options: dict[str, Any] = {"max_epochs": 2, "enable_checkpointing": True}
    trainer(callbacks=[driven(case, 10), keep], **options).fit(model, loader(2 * BATCHES))
    assert model.rates == declared(case, 10)
    for done in (3, 5):  # mid-epoch and at a boundary
        resumed = Classifier(lr=BASE_LR, momentum=0.9)
        path = tmp_path / f"step={done}.ckpt"
        trainer(max_epochs=2, callbacks=[driven(case, 10)]).fit(
            resumed, loader(2 * BATCHES), ckpt_path=path, weights_only=True
        )
        assert resumed.rates == declared(case, 10)[done:]


def written(value: Any) -> Any:
    """Write a spec as LightningCLI reads it."""
    if isinstance(value, ScheduleSpec):
        arguments = {field.name: written(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class_path": f"lightning_regkit.schedules.{type(value).__name__}", "init_args": arguments}
    return [written(item) for item in value] if isinstance(value, list | tuple) else value


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return loader(2 * BATCHES)


@EVERY_CASE
def test_yoyodyne_243_steps_are_said_in_yaml(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    monkeypatch.setattr(sys, "argv", ["fit"])  # LightningCLI warns where it sees arguments twice
    arguments = {"spec": written(case.spec(10)), "warmup": warmup_of(case)}
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    callbacks = [{"class_path": "lightning_regkit.callbacks.ScheduleLR", "init_args": arguments}]
    options = {**quiet, "accelerator": "cpu", "max_epochs": 2, "enable_model_summary": False, "callbacks": callbacks}
    config = {"seed_everything": False, "trainer": options, "model": {"lr": BASE_LR}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    words = ["fit", "--config", str(tmp_path / "run.yaml")]
    options = {"args": words, "save_config_callback": None, "auto_configure_optimizers": False}
    cli = LightningCLI(Classifier, Data, **options)
    assert cli.model.rates == declared(case, 10)
