"""One run of a search."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._trial import run_trial
from tests.support import Classifier, loader
from tests.tuning.support import CPU, Digits, Net


class Rated(Net):
    """Says the rates it has stepped with."""

    def on_train_batch_end(self, *_: Any) -> None:
        self.log("rate", self.trainer.optimizers[0].param_groups[0]["lr"])

    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)]


def never(epoch: int, score: float) -> bool:
    return False


def test_a_constant_rate_and_a_curve_for_each_epoch() -> None:
    module, data = Rated(), Digits()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    ended = run_trial((module, data), {"lr": 0.02}, Budget(epochs=3, monitor="rate"), CPU, never)
    assert ended.scores == pytest.approx([0.02] * 3)
    assert {name: len(curve) for name, curve in ended.curves.items()} == {"train_loss": 3, "val_loss": 3, "val_acc": 3}
    assert ended.curves["train_loss"][2] < ended.curves["train_loss"][0] < 2.5
    assert ended.curves["val_acc"][2] > 0.5
    assert ended.samples_per_second > 0
    assert not ended.is_pruned
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_curves_are_found_by_other_names_and_percents_are_none() -> None:
    class Named(Net):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            loss = F.cross_entropy(self(batch[0]), batch[1])
            self.log_dict({"valid/loss": loss, "valid/accuracy": 50.0, "other": 1.0})

    ended = run_trial((Named(), Digits()), {}, Budget(epochs=1, monitor="valid/loss", mode="min"), CPU, never)
    assert ended.curves["val_loss"] == ended.scores
    assert set(ended.curves) == {"train_loss", "val_loss"}


def test_it_repeats_and_a_seed_changes_the_order() -> None:
    module, budget = Net(), Budget(epochs=1)
    first, second = (run_trial((module, Digits()), {"lr": 0.02}, budget, CPU, never).curves for _ in range(2))
    assert first == second
    other = Setup(trainer=CPU.trainer, seed=1)
    assert run_trial((module, Digits()), {"lr": 0.02}, budget, other, never).curves != first


def test_it_ends_when_it_is_hopeless() -> None:
    seen = []

    def is_hopeless(epoch: int, score: float) -> bool:
        seen.append((epoch, score))
        return epoch == 1

    ended = run_trial((Net, Digits()), {}, Budget(epochs=5), CPU, is_hopeless)
    assert ended.is_pruned
    assert [epoch for epoch, _ in seen] == [0, 1]
    assert tuple(score for _, score in seen) == ended.scores


class Validated(Classifier):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_acc", F.cross_entropy(self(batch[0]), batch[1]))


def test_pairs_of_loaders_do_too() -> None:
    ended = run_trial((Validated(), (loader(), loader())), {}, Budget(epochs=1), CPU, never)
    assert len(ended.scores) == 1


def test_a_metric_that_is_not_logged_is_refused() -> None:
    text = r"^tuning\.search: monitor must be logged in validation, got 'val_top5'\. Logged: val_acc, val_loss\.$"
    with pytest.raises(ValueError, match=text):
        run_trial((Net(), Digits()), {}, Budget(monitor="val_top5"), CPU, never)
    with pytest.raises(ValueError, match=r"got 'val_acc'\. Logged: nothing\.$"):
        run_trial((Classifier(), loader()), {}, Budget(), CPU, never)


def test_batches_of_texts_count_for_nothing() -> None:
    class Texts(Validated):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.net[1].weight.sum()

    assert run_trial((Texts(), ([["a"]], loader())), {}, Budget(epochs=1), CPU, never).samples_per_second == 0
