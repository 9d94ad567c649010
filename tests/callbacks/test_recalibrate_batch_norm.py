"""RecalibrateBatchNorm in real fits: statistics of the weights that are evaluated, saved and restored."""

import copy
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import Tensor, nn

from lightning_regkit.callbacks import BestEpochCheckpoint, Mixup, RecalibrateBatchNorm
from tests.callbacks.best_epoch import VALUES, copied, is_equal, weights_in
from tests.support import NUM_CLASSES, SIDE_PX, Classifier, Validated, loader, trainer


class Normalized(Classifier):
    """Logs the metric of a table; remembers what was validated."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(SIDE_PX * SIDE_PX, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, NUM_CLASSES)
        )
        self.validated: list[dict[str, Tensor]] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.seen.append(batch)
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0 and not self.trainer.sanity_checking:
            self.validated.append(copied(self))
        self.log("acc", VALUES[self.current_epoch])


def statistics(weights: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Compute by hand what the statistics of these weights are on the training data."""
    outputs = [
        nn.functional.linear(batch[0].flatten(1), weights["net.1.weight"], weights["net.1.bias"]) for batch in loader()
    ]
    means, variances = [output.mean(0) for output in outputs], [output.var(0) for output in outputs]
    return torch.stack(means).mean(0), torch.stack(variances).mean(0)


def are_exact(weights: dict[str, Tensor]) -> bool:
    found = (weights["net.2.running_mean"], weights["net.2.running_var"])
    return all(torch.allclose(one, other, atol=1e-5) for one, other in zip(found, statistics(weights), strict=True))


def fit(model: pl.LightningModule, *callbacks: pl.Callback, **options: Any) -> pl.Trainer:
    run = trainer(callbacks=list(callbacks), **{"max_epochs": 4, "enable_checkpointing": True, **options})
    run.fit(model, loader(), loader(4))
    return run


def test_what_is_validated_saved_and_restored_is_the_average_with_its_own_statistics(tmp_path: Path) -> None:
    model, best = Normalized(), BestEpochCheckpoint("acc", patience="2ep", dirpath=tmp_path)
    fit(model, EMAWeightAveraging(decay=0.9), RecalibrateBatchNorm(), best)
    assert all(map(are_exact, model.validated))
    assert is_equal(weights_in(best.best_model_path), model.validated[1])
    assert is_equal(dict(model.state_dict()), model.validated[1])
    plain = Normalized()
    fit(plain, EMAWeightAveraging(decay=0.9), enable_checkpointing=False)
    assert not any(map(are_exact, plain.validated)), "without it they are not"


def test_the_training_of_averaged_weights_is_left_alone() -> None:
    ours, plain = Normalized(), Normalized()

    class Keeps(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
            self.last = copied(pl_module)

    one, other = Keeps(), Keeps()
    fit(ours, EMAWeightAveraging(decay=0.9), RecalibrateBatchNorm(), one, enable_checkpointing=False)
    fit(plain, EMAWeightAveraging(decay=0.9), other, enable_checkpointing=False)
    assert is_equal(one.last, other.last)


def test_without_an_average_the_running_statistics_catch_up_with_the_weights() -> None:
    model = Normalized()
    fit(model, RecalibrateBatchNorm(), enable_checkpointing=False)
    assert all(map(are_exact, model.validated))
    assert are_exact(dict(model.state_dict()))


def test_without_validation_it_acts_at_the_end() -> None:
    model = Normalized()
    callbacks = [EMAWeightAveraging(decay=0.9), Mixup(1.0), RecalibrateBatchNorm()]
    fit(model, *callbacks, enable_checkpointing=False, limit_val_batches=0)
    assert are_exact(dict(model.state_dict())), "and mixup rests meanwhile"


def test_it_acts_once_for_each_set_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    from lightning_regkit.callbacks import _recalibrate_batch_norm as module

    steps: list[int] = []
    monkeypatch.setattr(module, "recalibrate", lambda trainer, *_: steps.append(trainer.global_step))
    callback = RecalibrateBatchNorm()
    run = fit(Normalized(), callback, enable_checkpointing=False, max_epochs=2)
    assert steps == [5, 10], "not again at the end"
    fit(Normalized(), callback, enable_checkpointing=False, max_epochs=2)
    assert steps == [5, 10] * 2, "nor in a sanity check, where layers are known from before"
    del steps[2:]
    run.validate(Normalized(), loader(4), verbose=False)
    assert steps == [5, 10], "nor outside of a fit"
    steps.clear()
    fit(Normalized(), RecalibrateBatchNorm(), enable_checkpointing=False, max_epochs=2, val_check_interval=2)
    assert steps == [2, 4, 7, 9, 10]


def test_layers_frozen_later_keep_their_statistics() -> None:
    class Freezes(Normalized):
        def on_train_epoch_start(self) -> None:
            if self.current_epoch == 1:
                self.net[2].eval()

    model = Freezes()
    fit(model, RecalibrateBatchNorm(), enable_checkpointing=False, max_epochs=3)
    names = ["net.2.running_mean", "net.2.running_var"]
    assert are_exact(model.validated[0])
    assert all(torch.equal(model.validated[2][name], model.validated[0][name]) for name in names)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^RecalibrateBatchNorm: num_batches must be a positive integer, got 0\.$"):
        RecalibrateBatchNorm(0)
    with pytest.raises(ValueError, match="BatchNorm layers") as caught:
        fit(Validated(), RecalibrateBatchNorm(), enable_checkpointing=False)
    assert str(caught.value) == (
        "RecalibrateBatchNorm: module must have BatchNorm layers that train and keep running statistics, "
        "got 'Validated'."
    )
    with pytest.raises(ValueError, match="position") as caught:
        fit(Normalized(), RecalibrateBatchNorm(), EMAWeightAveraging(), enable_checkpointing=False)
    assert str(caught.value) == (
        "RecalibrateBatchNorm: position must be after EMAWeightAveraging, which puts the average into the module, "
        "got 0."
    )


def test_what_it_says_before_a_fit() -> None:
    plan: Any = None
    assert (
        RecalibrateBatchNorm(50).explain(plan) == "BatchNorm statistics from 50 training batches before each validation"
    )


def test_it_can_be_copied() -> None:
    assert copy.deepcopy(RecalibrateBatchNorm(7)).num_batches == 7
