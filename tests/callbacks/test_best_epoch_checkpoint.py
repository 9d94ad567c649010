"""BestEpochCheckpoint in real fits: what users of EarlyStopping and ModelCheckpoint expect, by one verdict."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, StochasticWeightAveraging

from lightning_regkit.callbacks import BestEpochCheckpoint
from lightning_regkit.stopping import StoppingLimits, StopReason
from tests.callbacks.best_epoch import VALUES, Watched, best, fit, is_equal, names, weights_in
from tests.support import loader, trainer

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty:UserWarning")


@pytest.mark.parametrize("where", ["validation", "training", "hook"])
def test_one_verdict_stops_saves_and_restores(where: str, tmp_path: Path) -> None:
    model, callback = Watched(where=where), best(tmp_path)
    run = fit(model, callback)
    assert run.current_epoch == 4, "two epochs after the best, epoch 1"
    assert callback.best_epoch == 1
    assert callback.stopped is not None
    assert callback.stopped.reason is StopReason.PATIENCE
    assert callback.stopped.describe("acc") == "acc has not improved on 0.7 in 2 epochs"
    assert names(tmp_path) == ["epoch=1-step=10.ckpt", "last.ckpt"]
    assert is_equal(model.state_dict(), weights_in(tmp_path / "epoch=1-step=10.ckpt"))
    assert is_equal(model.state_dict(), model.validated[1])
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 20
    assert not is_equal(model.state_dict(), weights_in(tmp_path / "last.ckpt"))


def test_to_the_outside_it_is_a_model_checkpoint(tmp_path: Path) -> None:
    model, callback = Watched(), best(tmp_path)
    run = fit(model, callback)
    assert run.checkpoint_callbacks == [callback]
    assert callback.best_model_path == str(tmp_path / "epoch=1-step=10.ckpt")
    assert callback.best_model_score is not None
    assert torch.equal(callback.best_model_score, torch.tensor(0.7))
    assert callback.best_k_models == {callback.best_model_path: torch.tensor(0.7)}
    assert (callback.kth_best_model_path, callback.save_top_k) == (callback.best_model_path, 1)
    assert callback.current_score is not None
    assert callback.current_score.item() == pytest.approx(0.65)
    with torch.no_grad():
        model.net[1].weight.zero_()
    run.test(model, loader(4), ckpt_path="best", weights_only=True, verbose=False)
    assert is_equal(model.state_dict(), model.validated[1])
    assert callback.best_epoch == 1, "loading it for a test does not put the callback back to that epoch"
    assert callback.current_score.item() == pytest.approx(0.65)


def test_restored_weights_are_those_of_a_fresh_run_that_ends_at_the_best_epoch(tmp_path: Path) -> None:
    model, fresh = Watched(), Watched()
    fit(model, best(tmp_path))
    trainer(max_epochs=2).fit(fresh, loader(), loader(4))
    assert is_equal(model.state_dict(), fresh.state_dict())


def test_where_lightnings_pair_disagrees_there_is_one_best(tmp_path: Path) -> None:
    values = (0.5, 0.54, 0.58, 0.62)
    theirs = ModelCheckpoint(tmp_path / "theirs", monitor="acc", mode="max")
    early = EarlyStopping("acc", min_delta=0.05, patience=9, mode="max")
    fit(Watched(values), theirs, early, max_epochs=4)
    assert theirs.best_model_score != early.best_score, "which is why there is this callback"
    callback = best(tmp_path / "ours", min_delta=0.05, patience=9, keep=2)
    model = Watched(values)
    fit(model, callback, max_epochs=4)
    assert callback.best_epoch == 2, "0.54 does not improve on 0.5, 0.58 does, 0.62 not on that"
    assert callback.best_model_score == torch.tensor(0.58)
    assert is_equal(model.state_dict(), model.validated[2])
    assert names(tmp_path / "ours") == ["epoch=2-step=15.ckpt", "epoch=3-step=20.ckpt", "last.ckpt"]


def test_every_epoch_is_kept_and_the_best_chosen_at_the_end(tmp_path: Path) -> None:
    model, callback = Watched(), best(tmp_path, stop=False, keep="all")
    run = fit(model, callback)
    assert (run.current_epoch, callback.stopped) == (8, None)
    assert names(tmp_path) == [f"epoch={epoch}-step={5 * epoch + 5}.ckpt" for epoch in range(8)] + ["last.ckpt"]
    assert is_equal(model.state_dict(), model.validated[1])


@pytest.mark.parametrize(
    ("options", "epochs", "best_epoch"),
    [
        ({}, 4, 1),
        ({"patience": "10step"}, 4, 1),
        ({"patience": 3}, 5, 1),
        ({"mode": "min", "patience": "1ep"}, 2, 0),
        ({"limits": StoppingLimits(min_epochs=6)}, 6, 1),
        ({"limits": StoppingLimits(start_after="4ep")}, 6, 1),
        ({"limits": StoppingLimits(target=0.7)}, 2, 1),
        ({"limits": StoppingLimits(divergence=0.45), "patience": 9}, 6, 1),
        ({"patience": 9}, 8, 1),
    ],
)
def test_when_it_stops(options: dict[str, Any], epochs: int, best_epoch: int, tmp_path: Path) -> None:
    model, callback = Watched(), best(tmp_path, **options)
    assert fit(model, callback).current_epoch == epochs
    assert callback.best_epoch == best_epoch
    assert is_equal(model.state_dict(), model.validated[best_epoch])


def test_a_target_in_single_precision_is_reached(tmp_path: Path) -> None:
    callback = best(tmp_path, limits=StoppingLimits(target=0.95))
    assert fit(Watched((0.5, 0.95, 0.6)), callback, max_epochs=3).current_epoch == 2
    assert callback.stopped is not None
    assert callback.stopped.describe("acc") == "acc is 0.95 and has reached the target, 0.95"


@pytest.mark.parametrize(("check_finite", "epochs"), [(True, 3), (False, 4)])
def test_nan_is_never_the_best(check_finite: bool, epochs: int, tmp_path: Path) -> None:
    callback = best(tmp_path, limits=StoppingLimits(check_finite=check_finite))
    assert fit(Watched((0.5, 0.7, float("nan"), 0.6, 0.6)), callback, max_epochs=5).current_epoch == epochs
    assert callback.best_epoch == 1


def test_lightnings_min_epochs_holds_no_stop_back_to_let_it_go_later(tmp_path: Path) -> None:
    values = (0.5, 0.4, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95)
    early = EarlyStopping("acc", patience=2, mode="max")
    latched = fit(Watched(values), early, ModelCheckpoint(tmp_path / "theirs"), min_epochs=5)
    assert latched.current_epoch == 5, "improving at every epoch from the fourth on"
    assert fit(Watched(values), best(tmp_path / "ours"), min_epochs=5).current_epoch == 8


@pytest.mark.parametrize(
    ("options", "epochs", "step"),
    [
        ({"val_check_interval": 2}, 4, 12),  # two validations an epoch, and the value of an epoch is that of its first
        ({"check_val_every_n_epoch": 2}, 4, 10),
        ({"check_val_every_n_epoch": None, "val_check_interval": 5}, 4, 10),
        ({"limit_val_batches": 0}, 4, 10),
    ],
)
def test_however_often_it_is_validated(options: dict[str, Any], epochs: int, step: int, tmp_path: Path) -> None:
    where = "training" if "limit_val_batches" in options else "validation"
    if options.get("val_check_interval") == 2:
        step = 7
    callback = best(tmp_path, patience="2ep")
    run = fit(Watched(where=where), callback, **options)
    assert run.current_epoch == epochs
    assert callback.best_model_path == str(tmp_path / f"epoch=1-step={step}.ckpt")


def test_it_can_stop_inside_an_epoch(tmp_path: Path) -> None:
    callback = best(tmp_path, patience="4step")
    run = fit(Watched(), callback, val_check_interval=2)
    # Best at step 7; not at 9, nor at 12: five steps later.
    assert run.global_step == 12


def test_a_metric_that_is_never_logged_fails_at_the_first_check(tmp_path: Path) -> None:
    model = Watched(where="nowhere")
    with pytest.raises(ValueError, match="monitor") as caught:
        fit(model, best(tmp_path))
    assert (
        str(caught.value)
        == "BestEpochCheckpoint: monitor must name a metric that is logged, got 'acc'. Logged are: other."
    )
    assert len(model.validated) == 1


def test_a_fast_dev_run_writes_nothing_and_still_looks_for_the_metric(tmp_path: Path) -> None:
    fit(Watched(), best(tmp_path / "none"), fast_dev_run=True)
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match="Logged are: other"):
        fit(Watched(where="nowhere"), best(tmp_path / "none"), fast_dev_run=True)


def test_beside_the_users_own_stopper_and_checkpoint(tmp_path: Path) -> None:
    callback, theirs = best(tmp_path / "ours"), ModelCheckpoint(tmp_path / "theirs", save_last=True)
    model = Watched()
    run = fit(model, EarlyStopping("acc", mode="max", patience=1), callback, theirs)
    assert run.current_epoch == 3, "the first to stop wins"
    assert run.checkpoint_callback is callback, "the first in the list is Lightning's best"
    assert is_equal(model.state_dict(), model.validated[1])
    assert not is_equal(weights_in(theirs.last_model_path), model.validated[1]), "last stays the last"
    assert torch.load(theirs.last_model_path, weights_only=True)["global_step"] == 15


def test_two_of_them_watch_two_metrics(tmp_path: Path) -> None:
    first, second = best(tmp_path / "a", restore=False), BestEpochCheckpoint("other", dirpath=tmp_path / "b")
    model = Watched()
    fit(model, first, second)
    assert (first.best_epoch, second.best_epoch) == (1, 0)
    assert is_equal(model.state_dict(), model.validated[0])


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"monitor": 3}, TypeError, "BestEpochCheckpoint: monitor must be the name of a logged metric, got 3."),
        ({"mode": "up"}, ValueError, "BestEpochCheckpoint: mode must be one of max, min, got 'up'."),
        ({"keep": 0}, ValueError, "BestEpochCheckpoint: keep must be a positive integer, got 0."),
        ({"patience": "a while"}, ValueError, None),
        ({"min_delta": -1.0}, ValueError, "BestEpochCheckpoint: min_delta must be a number of at least 0, got -1.0."),
        (
            {"limits": {"min_epochs": 3}},
            TypeError,
            "BestEpochCheckpoint: limits must be a StoppingLimits, got {'min_epochs': 3}. "
            "Write StoppingLimits(min_epochs=20).",
        ),
    ],
)
def test_refusals(options: dict[str, Any], error: Any, text: str | None) -> None:
    with pytest.raises(error) as caught:
        BestEpochCheckpoint(**options)
    assert text is None or str(caught.value) == text


def test_stochastic_weight_averaging_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="StochasticWeightAveraging") as caught:
        fit(Watched(), StochasticWeightAveraging(swa_lrs=0.1), best(tmp_path))
    assert str(caught.value) == (
        "BestEpochCheckpoint: restore must be False beside StochasticWeightAveraging, got True. "
        "Its average is made at the end and never validated. EMAWeightAveraging is judged and restored."
    )


def test_a_trainer_of_the_other_package_is_refused(tmp_path: Path) -> None:
    other = pytest.importorskip("pytorch_lightning")
    run = other.Trainer(accelerator="cpu", logger=False, callbacks=[best(tmp_path)], enable_progress_bar=False)
    with pytest.raises(TypeError, match=r"^BestEpochCheckpoint: trainer must be a lightning\.pytorch\.Trainer"):
        best(tmp_path).setup(run, Watched(), "fit")


def test_what_it_says_before_a_fit() -> None:
    plan: Any = None
    assert BestEpochCheckpoint().explain(plan) == (
        "judges val_acc (max), stops after 10 epochs without improvement, keeps the best, ends with the best weights"
    )
    assert BestEpochCheckpoint("loss", mode="min", stop=False, keep="all", restore=False).explain(plan) == (
        "judges loss (min), never stops the run, keeps every checkpoint, ends with the last weights"
    )
    assert "keeps the best 3," in BestEpochCheckpoint(keep=3).explain(plan)


def test_values_are_those_of_the_table() -> None:
    assert max(VALUES) == VALUES[1]
    assert isinstance(best(Path()), pl.callbacks.ModelCheckpoint)


def test_the_default_mode_is_not_that_of_a_loss() -> None:
    with pytest.raises(ValueError, match="BestEpochCheckpoint") as refused:
        BestEpochCheckpoint("val_loss")
    assert str(refused.value) == ("BestEpochCheckpoint: mode must be 'min' for 'val_loss', got 'max'. Pass mode='min'.")
    assert BestEpochCheckpoint("val_loss", mode="min").mode == "min"
