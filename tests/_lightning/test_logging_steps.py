"""The steps that Lightning itself logs are the oracle."""

from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from torch import Tensor

from lightning_regkit._lightning._logging_steps import (
    global_samples,
    gradient_scale,
    is_logging_step,
    logged_step,
    returned_loss,
)
from tests.callbacks.logged import Each, Rows
from tests.support import Classifier, images, loader, trainer


class Logs(Classifier):
    """Logs its loss at every step and of every epoch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss


class ByHand(Logs):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.manual_backward(loss)
        self.optimizers().step()  # type: ignore[union-attr]
        return loss


class Ends(pl.Callback):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.steps.append(logged_step(trainer, at_epoch_end=True))


RUNS: dict[str, tuple[type[Logs], dict[str, Any]]] = {
    "every step": (Logs, {"log_every_n_steps": 1}),
    "every second": (Logs, {"log_every_n_steps": 2}),
    "every third, over epochs": (Logs, {"log_every_n_steps": 3}),
    "accumulated": (Logs, {"log_every_n_steps": 1, "accumulate_grad_batches": 2}),
    "accumulated, every second": (Logs, {"log_every_n_steps": 2, "accumulate_grad_batches": 2}),
    "scheduled": (Logs, {"log_every_n_steps": 1, "callbacks": [GradientAccumulationScheduler({0: 1, 1: 3})]}),
    "by hand": (ByHand, {"log_every_n_steps": 2}),
    "never": (Logs, {"log_every_n_steps": 0}),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_logging_step_is_one_that_lightning_logs(name: str) -> None:
    kind, options = RUNS[name]
    rows, ends = Rows(), Ends()
    each = Each(at_start=lambda run, _: is_logging_step(run), at_end=lambda run, _: logged_step(run))
    callbacks = [*options.pop("callbacks", []), each, ends]
    trainer(max_epochs=2, logger=rows, callbacks=callbacks, **options).fit(kind(), loader())
    steps = [step for step, is_logged in zip(each.ends, each.starts, strict=True) if is_logged]
    assert steps == [step for step, _ in rows.of("loss_step")]
    assert ends.steps == [step for step, _ in rows.of("loss_epoch")]
    assert bool(steps) == (name != "never")


def test_the_step_at_which_training_is_to_stop_is_one() -> None:
    """As in Lightning, which flushes all there is."""

    def asked(run: pl.Trainer, _: Any) -> bool:
        run.should_stop = run.global_step == 2
        return is_logging_step(run)

    each = Each(at_start=asked)
    trainer(max_epochs=1, logger=Rows(), log_every_n_steps=50, callbacks=[each]).fit(Logs(), loader())
    assert each.starts == [False, False, True]


@pytest.mark.parametrize("options", [{"logger": False}, {"logger": True, "fast_dev_run": True}], ids=str)
def test_there_is_none_without_a_logger_and_in_a_trial(options: dict[str, Any]) -> None:
    each = Each(at_start=lambda run, _: is_logging_step(run))
    trainer(max_epochs=1, log_every_n_steps=1, callbacks=[each], **options).fit(Classifier(), loader())
    assert set(each.starts) == {False}


BATCHES: dict[str, tuple[Any, int]] = {
    "pair": ([*images(4)], 4),
    "tensor": (images(5)[0], 5),
    "dictionary": ({"weight": torch.tensor(1.0), "x": images(3)[0]}, 3),
    "nested": ({"first": [torch.zeros(2, 3)], "second": [torch.zeros(7, 3)]}, 2),
    "images of unequal size": (([torch.zeros(3, 4, 4), torch.zeros(3, 5, 5)], torch.zeros(2)), 2),
    "sequences": ([torch.zeros(6, 2, 4), torch.zeros(6, 2, 4)], 6),
    "nothing": ({"name": "empty", "list": []}, 0),
}


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("sampler", [None, {"num_replicas": 4, "rank": 1}], ids=["one", "four"])
def test_samples_of_a_batch_times_the_shares_of_the_data(name: str, sampler: dict[str, int] | None) -> None:
    batch, expected = BATCHES[name]
    run: Any = SimpleNamespace(distributed_sampler_kwargs=sampler)
    assert global_samples(run, batch) == expected * (1 if sampler is None else 4)


@pytest.mark.parametrize(("kind", "window"), [(Logs, 1), (Logs, 2), (ByHand, 1)])  # by hand nothing is accumulated
def test_the_loss_is_what_the_training_step_returned(kind: type[Logs], window: int) -> None:
    rows, each = Rows(), Each(at_end=returned_loss)
    options = {"accumulate_grad_batches": window, "log_every_n_steps": 1}
    trainer(max_epochs=1, logger=rows, callbacks=[each], **options).fit(kind(), loader())
    logged = rows.column("loss_step")
    assert [loss.item() for loss in each.ends if loss is not None][window - 1 :: window] == pytest.approx(
        logged[: len(each.ends) // window]
    )
    assert not each.ends[0].requires_grad


@pytest.mark.parametrize("outputs", [None, {}, {"loss": None}, {"other": torch.zeros(1)}], ids=str)
def test_a_step_without_a_loss_has_none(outputs: Any) -> None:
    run: Any = SimpleNamespace(accumulate_grad_batches=1)
    assert returned_loss(run, outputs) is None


def test_a_loss_may_come_alone() -> None:
    run: Any = SimpleNamespace(accumulate_grad_batches=3)
    loss = returned_loss(run, torch.tensor(0.5, requires_grad=True))
    assert isinstance(loss, Tensor)
    assert (loss.item(), loss.requires_grad) == (1.5, False)


class MixedPrecision:
    """Has the name of Lightning's, and a scaler."""

    scaler = SimpleNamespace(get_scale=lambda: 1024.0)


@pytest.mark.parametrize(("fused", "expected"), [(None, 1.0), (True, 1024.0)])
def test_only_gradients_of_a_fused_optimizer_are_still_scaled(fused: bool | None, expected: float) -> None:
    run: Any = SimpleNamespace(precision_plugin=MixedPrecision())
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, fused=fused)
    assert gradient_scale(run, optimizer) == expected
