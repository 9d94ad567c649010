"""A logged metric: rank 0's, on every rank."""

import math
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from lightning_regkit._lightning._monitored import is_evaluated, monitored
from tests.support import Classifier, Validated, loader, trainer


class Strategy:
    """Hands on what rank 0 has; counts the collectives."""

    def __init__(self, first: Any) -> None:
        self.first = first
        self.count = 0

    def broadcast(self, value: Any, src: int) -> Any:
        assert src == 0
        self.count += 1
        return self.first


def fake_trainer(metrics: dict[str, float], world_size: int = 1, first: Any = None) -> Any:
    logged = {name: torch.tensor(value) for name, value in metrics.items()}
    return SimpleNamespace(callback_metrics=logged, world_size=world_size, strategy=Strategy(first))


def test_one_process_asks_nobody() -> None:
    alone = fake_trainer({"val_loss": 0.5, "val_acc": math.nan})
    value = monitored("ScheduleLR", alone, "val_loss")
    assert value == 0.5
    assert type(value) is float
    assert math.isnan(monitored("ScheduleLR", alone, "val_acc"))
    assert alone.strategy.count == 0


def test_every_rank_has_the_value_of_the_first() -> None:
    second = fake_trainer({"val_loss": 0.5}, 2, (0.25, ["val_loss"]))
    assert monitored("ScheduleLR", second, "val_loss") == 0.25
    assert second.strategy.count == 1


@pytest.mark.parametrize(
    ("metrics", "world_size", "first", "names"),
    [
        ({"val_loss": 0.5, "loss": 1.0}, 1, None, "loss, val_loss"),
        ({}, 1, None, "none"),
        ({"val_los": 0.5}, 2, (None, ["val_loss"]), "val_loss"),
    ],
)
def test_a_metric_that_is_not_logged_is_refused(metrics: Any, world_size: int, first: Any, names: str) -> None:
    with pytest.raises(ValueError, match="monitor") as caught:
        monitored("ScheduleLR", fake_trainer(metrics, world_size, first), "val_los")
    assert str(caught.value) == (
        f"ScheduleLR: monitor must name a metric that is logged by then, got 'val_los'. Logged are: {names}."
    )


class Ask(pl.Callback):
    def __init__(self) -> None:
        self.due: list[str] = []

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if is_evaluated(trainer, after_validation=True):
            self.due.append("validation")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if is_evaluated(trainer, after_validation=False):
            self.due.append("epoch")


@pytest.mark.parametrize(
    ("options", "due"),
    [
        ({}, ["validation", "validation"]),  # the sanity check is none
        ({"check_val_every_n_epoch": 2}, ["validation"]),
        ({"val_check_interval": 2}, ["validation"] * 4),
        ({"limit_val_batches": 0}, ["epoch", "epoch"]),
    ],
)
def test_when_metrics_are_due(options: dict[str, Any], due: list[str]) -> None:
    ask = Ask()
    run = trainer(max_epochs=2, callbacks=[ask], **options)
    run.fit(Validated(), loader(), loader())
    assert ask.due == due
    run.validate(Validated(), loader(), verbose=False)
    assert ask.due == due, "not outside of a fit"


def test_without_a_validation_step_metrics_are_due_after_an_epoch() -> None:
    ask = Ask()
    trainer(max_epochs=2, callbacks=[ask]).fit(Classifier(), loader())
    assert ask.due == ["epoch", "epoch"]
