"""One verdict for each evaluation, over resumes and second fits."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_regkit.stopping import StoppingLimits, StoppingState
from tests.callbacks.best_epoch import Watched, best, fit, is_equal, names
from tests.support import loader, trainer

pytestmark = [
    pytest.mark.usefixtures("logs_of_lightning"),
    pytest.mark.filterwarnings(
        "ignore:Checkpoint directory .* exists and is not empty:UserWarning",
        "ignore:Be aware that when using `ckpt_path`:UserWarning",
    ),
]


def settings_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "goes on with" in record.getMessage()]


def test_a_resume_keeps_best_and_waited(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(Watched(), best(tmp_path), max_epochs=3)
    model, callback = Watched(), best(tmp_path)
    run = fit(model, callback, ckpt_path="last")
    assert run.current_epoch == 4, "one epoch had been waited for already"
    assert callback.best_epoch == 1
    assert callback._state.best == 0.7
    assert callback.best_model_path == str(tmp_path / "epoch=1-step=10.ckpt")
    assert settings_said(caplog) == []


def test_settings_come_from_the_code(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(Watched(), best(tmp_path, patience=50), max_epochs=3)
    callback = best(tmp_path, patience=3)
    assert fit(Watched(), callback, ckpt_path="last").current_epoch == 5
    (line,) = settings_said(caplog)
    assert line.startswith("BestEpochCheckpoint: goes on with StoppingRule(mode='max', patience=3, ")
    assert "; the checkpoint had StoppingRule(mode='max', patience=50, " in line


def test_a_run_that_was_stopped_stays_stopped_unless_the_code_says_otherwise(tmp_path: Path) -> None:
    stopped = fit(Watched(), best(tmp_path))
    model, callback = Watched(), best(tmp_path)
    again = fit(model, callback, ckpt_path="last")
    assert again.global_step == stopped.global_step == 20
    assert model.seen == []
    assert callback.stopped is not None
    assert is_equal(model.state_dict(), torch.load(callback.best_model_path, weights_only=True)["state_dict"])
    assert fit(Watched(), best(tmp_path, patience="4ep"), ckpt_path="last").current_epoch == 6


def test_a_finished_run_started_again_still_ends_with_the_best(tmp_path: Path) -> None:
    first = Watched()
    fit(first, best(tmp_path), max_epochs=3)
    again = Watched()
    fit(again, best(tmp_path), max_epochs=3, ckpt_path="last")
    assert again.seen == []
    assert is_equal(again.state_dict(), first.validated[1])


def test_a_second_fit_of_another_trainer_begins_anew(tmp_path: Path) -> None:
    callback = best(tmp_path)
    fit(Watched(), callback)
    model = Watched((0.1, 0.2, 0.1, 0.1, 0.1))
    assert fit(model, callback).current_epoch == 4
    assert callback.best_epoch == 1
    assert callback._state.best == 0.2
    assert is_equal(model.state_dict(), model.validated[1])
    assert names(tmp_path) == ["epoch=1-step=10-v1.ckpt", "epoch=1-step=10.ckpt", "last-v1.ckpt", "last.ckpt"]


def test_a_second_fit_of_the_same_trainer_goes_on(tmp_path: Path) -> None:
    model, callback = Watched(), best(tmp_path, restore=False)
    run = trainer(max_epochs=2, callbacks=[callback], enable_checkpointing=True)
    run.fit(model, loader(), loader(4))
    run.fit_loop.max_epochs = 8
    run.fit(model, loader(), loader(4))
    assert run.current_epoch == 4
    assert callback.best_epoch == 1


def test_a_checkpoint_without_it_begins_anew(tmp_path: Path) -> None:
    run = trainer(max_epochs=2, enable_checkpointing=False)
    run.fit(Watched(), loader(), loader(4))
    run.save_checkpoint(tmp_path / "plain.ckpt")
    callback = best(tmp_path / "ours")
    fit(Watched(), callback)
    assert fit(Watched(), callback, ckpt_path=tmp_path / "plain.ckpt").current_epoch == 6
    assert callback.best_epoch == 3, "0.65 is the best of the values from epoch 2 on"


def test_the_state_loads_with_weights_only_and_holds_the_verdict_of_its_own_check(tmp_path: Path) -> None:
    callback = best(tmp_path)
    fit(Watched(), callback)
    checkpoint = torch.load(callback.best_model_path, weights_only=True)
    (state,) = checkpoint["callbacks"].values()
    assert StoppingState.from_plain(state["stopping"]).best == 0.7
    assert state["best_model_path"] == callback.best_model_path
    assert state["best_epoch"] == 1


def test_minima_of_the_trainer_hold_a_stop_back(tmp_path: Path) -> None:
    risen = Watched((0.5, 0.7, 0.6, 0.6, 0.6, 0.8, 0.6, 0.6))
    assert fit(risen, best(tmp_path / "a"), min_epochs=6).current_epoch == 8, "nothing is left of the stop at 4"
    assert fit(Watched(), best(tmp_path), min_steps=24).current_epoch == 5
    limits = StoppingLimits(min_steps=30)
    assert fit(Watched(), best(tmp_path / "b", limits=limits), min_steps=24).current_epoch == 6


def test_the_metric_need_not_be_in_every_validation(tmp_path: Path) -> None:
    class Seldom(Watched):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.where = "validation" if self.current_epoch % 2 == 0 else "nowhere"
            super().validation_step(batch, batch_idx)

    callback = best(tmp_path, patience=2, keep="all")
    fit(Seldom(), callback, max_epochs=5)
    assert names(tmp_path) == [f"epoch={epoch}-step={5 * epoch + 5}.ckpt" for epoch in (0, 2, 4)] + ["last.ckpt"]
    again = best(tmp_path, patience=2)
    fit(Seldom(), again, max_epochs=4, ckpt_path=tmp_path / "epoch=2-step=15.ckpt")
    assert again._state.last_at.checks == 2, "the first validation after a resume may leave it out"
