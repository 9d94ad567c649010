"""What a run leaves behind, however it ends: weights in memory, files on the disk, lines on the screen."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import (
    EMAWeightAveraging,
    LearningRateFinder,
    ModelCheckpoint,
)
from lightning.pytorch.plugins.io import AsyncCheckpointIO
from lightning.pytorch.strategies import FSDPStrategy
from lightning.pytorch.tuner.tuning import Tuner
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import ExactResume
from lightning_regkit.plugins import AtomicCheckpointIO
from lightning_regkit.samplers import ResumableSampler
from tests.callbacks.best_epoch import Watched, best, copied, fit, is_equal, names, weights_in
from tests.callbacks.killed_best_epoch import train
from tests.ddp.support import REPOSITORY
from tests.support import images, loader, trainer

pytestmark = [
    pytest.mark.usefixtures("logs_of_lightning"),
    pytest.mark.filterwarnings(
        "ignore:Checkpoint directory .* exists and is not empty:UserWarning",
        "ignore:Be aware that when using `ckpt_path`:UserWarning",
        "ignore:You're resuming from a checkpoint that ended before the epoch",
    ),
]


def lines_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    texts = [record.getMessage() for record in caplog.records]
    return [text.removeprefix("BestEpochCheckpoint: ") for text in texts if text.startswith("BestEpochCheckpoint")]


class Ending(pl.Callback):
    """Does something at one step; as a training batch ends, or as the validation after it does."""

    def __init__(self, step: int, end: Any, *, in_validation: bool = False) -> None:
        self.step, self.end, self.in_validation = step, end, in_validation
        self.weights: dict[str, torch.Tensor] = {}

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.weights = copied(pl_module)
            if not self.in_validation:
                self.end(trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step and self.in_validation:
            self.end(trainer)


def interrupt(_trainer: pl.Trainer) -> None:
    raise KeyboardInterrupt


def terminate(_trainer: pl.Trainer) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def fail(_trainer: pl.Trainer) -> None:
    raise OSError("the cluster is on fire")


def time_is_up(trainer: pl.Trainer) -> None:
    trainer.should_stop = True  # what Lightning's Timer does for max_time


@pytest.mark.parametrize("end", [{"max_epochs": 3}, {"max_steps": 18}, {"callbacks": [Ending(18, time_is_up)]}, {}])
def test_after_a_normal_end_the_module_holds_the_best(end: dict[str, Any], tmp_path: Path) -> None:
    model, callback = Watched(), best(tmp_path)
    run = fit(model, *end.pop("callbacks", []), callback, **end)
    assert is_equal(model.state_dict(), model.validated[1])
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert last["global_step"] == run.global_step
    assert not is_equal(last["state_dict"], model.validated[1])
    assert not model.training or model.net.training


def test_a_real_time_limit_is_a_normal_end(tmp_path: Path) -> None:
    model = Watched((0.5,) * 2 + (0.4,) * 10**6)
    fit(model, best(tmp_path, patience=10**6), max_epochs=-1, max_time={"seconds": 1})
    assert is_equal(model.state_dict(), model.validated[0])


@pytest.mark.parametrize(
    ("end", "error"),
    [(interrupt, SystemExit), (terminate, SIGTERMException), (fail, OSError)],
    ids=["C", "TERM", "fail"],
)
def test_a_run_cut_short_saves_the_current_state_and_restores_nothing(
    end: Any, error: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, callback, ending = Watched(), best(tmp_path), Ending(13, end)
    with pytest.raises(error):
        fit(model, ending, callback)
    assert is_equal(model.state_dict(), ending.weights)
    assert names(tmp_path) == ["epoch=1-step=10.ckpt", "last.ckpt"]
    assert is_equal(weights_in(tmp_path / "last.ckpt"), ending.weights)
    assert is_equal(weights_in(callback.best_model_path), model.validated[1])
    assert lines_said(caplog)[-2:] == [
        f'saved {tmp_path / "last.ckpt"}; go on with fit(ckpt_path="last").',
        f"the best acc, 0.7 in epoch 1, is in {callback.best_model_path}; the module holds the current weights.",
    ]


def test_the_state_saved_then_is_gone_on_from(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        fit(Watched(), Ending(15, interrupt, in_validation=True), best(tmp_path))
    model, callback = Watched(), best(tmp_path)
    run = fit(model, callback, ckpt_path="last")
    assert (callback.best_epoch, run.current_epoch) == (1, 4)
    assert is_equal(model.state_dict(), weights_in(tmp_path / "epoch=1-step=10.ckpt"))
    assert names(tmp_path) == ["epoch=1-step=10.ckpt", "last.ckpt"], "the file gone on from is written anew"


def test_before_the_first_step_there_is_nothing_to_save(tmp_path: Path) -> None:
    class Fails(pl.Callback):
        def on_sanity_check_start(self, *_: Any) -> None:
            raise OSError("no data")

    with pytest.raises(OSError, match="no data"):
        fit(Watched(), Fails(), best(tmp_path))
    assert names(tmp_path) == []


def test_a_save_that_fails_hides_not_what_ended_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    callback = best(tmp_path)

    def fill(_trainer: pl.Trainer) -> None:
        callback._fs = None  # anything that makes saving raise
        raise OSError("the cluster is on fire")

    with pytest.raises(OSError, match="the cluster is on fire") as caught:
        fit(Watched(), Ending(13, fill), callback)
    assert "the state could not be saved" in caught.value.__notes__[0]
    assert any(line.startswith("the state could not be saved") for line in lines_said(caplog))


def exact(folder: Path, **options: Any) -> tuple[ExactResume, DataLoader[Any]]:
    data = TensorDataset(*images(10))
    return ExactResume(dirpath=folder, **options), DataLoader(data, batch_size=2, sampler=ResumableSampler(data))


def test_beside_exact_resume_the_last_state_is_written_once(tmp_path: Path) -> None:
    resume, train = exact(tmp_path)
    model, callback = Watched(), best(tmp_path)
    run = trainer(max_epochs=8, callbacks=[callback, resume], enable_checkpointing=True)
    run.fit(model, train, loader(4))
    assert names(tmp_path) == ["epoch=1-step=10.ckpt", "resume.ckpt"]
    assert is_equal(model.state_dict(), model.validated[1])
    assert torch.load(tmp_path / "resume.ckpt", weights_only=True)["global_step"] == 20


@pytest.mark.parametrize(("on_sigterm", "expected"), [(True, "resume.ckpt"), (False, "last.ckpt")])
def test_beside_exact_resume_one_of_them_saves_a_run_cut_short(on_sigterm: bool, expected: str, tmp_path: Path) -> None:
    resume, train = exact(tmp_path, every=None, on_sigterm=on_sigterm)
    run = trainer(max_epochs=8, callbacks=[Ending(13, terminate), best(tmp_path), resume], enable_checkpointing=True)
    with pytest.raises(SIGTERMException):
        run.fit(Watched(), train, loader(4))
    assert names(tmp_path) == ["epoch=1-step=10.ckpt", expected]


@pytest.mark.parametrize("step", [7, 10, 13, 18])
def test_a_run_terminated_anywhere_and_resumed_exactly_equals_an_uninterrupted_one(step: int, tmp_path: Path) -> None:
    def run(folder: Path, *callbacks: pl.Callback, **options: Any) -> tuple[Watched, Any, pl.Trainer]:
        resume, train = exact(folder, every=None)
        model, callback = Watched(), best(folder, keep=2, patience="3ep")
        ours = trainer(max_epochs=8, callbacks=[*callbacks, callback, resume], enable_checkpointing=True)
        try:
            ours.fit(model, train, loader(4), **options)
        except SIGTERMException:
            return model, callback, ours
        return model, callback, ours

    whole, expected, _ = run(tmp_path / "whole")
    run(tmp_path / "cut", Ending(step, terminate))
    model, found, ours = run(tmp_path / "cut", ckpt_path="last", weights_only=True)
    assert ours.global_step == 25
    assert is_equal(model.state_dict(), whole.state_dict())
    assert found._state == expected._state
    assert [Path(path).name for path in found.best_k_models] == [Path(path).name for path in expected.best_k_models]
    assert list(found.best_k_models.values()) == list(expected.best_k_models.values())


def test_the_average_is_judged_saved_and_restored(tmp_path: Path) -> None:
    model, callback = Watched(), best(tmp_path)
    fit(model, EMAWeightAveraging(decay=0.5), callback)
    plain = Watched()
    fit(plain, best(tmp_path / "plain"))
    assert not is_equal(model.validated[1], plain.validated[1]), "what was validated is the average"
    assert is_equal(model.state_dict(), model.validated[1])
    assert is_equal(weights_in(tmp_path / "epoch=1-step=10.ckpt"), model.validated[1])
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert is_equal(last["current_model_state"], weights_in(tmp_path / "plain" / "last.ckpt")), "can be gone on from"


def test_with_an_average_a_run_cut_short_in_a_validation_saves_each_in_its_place(tmp_path: Path) -> None:
    model, ending = Watched(), Ending(15, interrupt, in_validation=True)
    with pytest.raises(SystemExit):
        fit(model, EMAWeightAveraging(decay=0.5), ending, best(tmp_path))
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert is_equal(last["current_model_state"], ending.weights)
    assert is_equal(model.state_dict(), ending.weights)
    assert is_equal(last["state_dict"], model.validated[2])


class Late(pl.callbacks.Checkpoint):
    """Ends the run in the last hook of an epoch."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch == 2


def test_last_is_saved_where_a_stopper_after_it_ends_the_run(tmp_path: Path) -> None:
    model = Watched()
    fit(model, best(tmp_path), Late())
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 15
    assert is_equal(model.state_dict(), model.validated[1])


def test_an_average_is_never_saved_as_the_last_state(tmp_path: Path) -> None:
    model = Watched()
    fit(model, EMAWeightAveraging(decay=0.5), best(tmp_path), Late())
    assert names(tmp_path) == ["epoch=1-step=10.ckpt"], "the average has taken the place of the weights by then"
    assert is_equal(model.state_dict(), model.validated[1])


def test_other_writers_write_the_last_weights(tmp_path: Path) -> None:
    class AtTheEnd(pl.Callback):
        def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            self.weights = copied(pl_module)

    seen, theirs = AtTheEnd(), ModelCheckpoint(tmp_path / "theirs", save_last=True, every_n_epochs=100)
    model = Watched()
    fit(model, seen, best(tmp_path / "ours"), theirs)
    last = weights_in(tmp_path / "ours" / "last.ckpt")
    assert is_equal(seen.weights, last)
    assert is_equal(weights_in(theirs.last_model_path), last)
    assert is_equal(model.state_dict(), model.validated[1])


def test_without_restoring_the_module_holds_the_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model, callback = Watched(), best(tmp_path, restore=False)
    fit(model, callback)
    assert is_equal(model.state_dict(), model.validated[3])
    assert names(tmp_path) == ["epoch=1-step=10.ckpt"], "nothing is lost, so nothing more is written"
    assert lines_said(caplog)[-1] == (
        f"the best acc, 0.7 in epoch 1, is in {callback.best_model_path}; the module holds the last weights."
    )


def test_a_best_file_that_is_gone_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Removes(pl.Callback):
        def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            (tmp_path / "epoch=1-step=10.ckpt").unlink()

    model = Watched()
    fit(model, Removes(), best(tmp_path))
    assert is_equal(model.state_dict(), weights_in(tmp_path / "last.ckpt"))
    assert lines_said(caplog)[-1].endswith("which is gone: the module holds the last weights.")


@pytest.mark.parametrize("plugin", [AtomicCheckpointIO, AsyncCheckpointIO])
def test_with_either_checkpoint_plugin(plugin: Any, tmp_path: Path) -> None:
    model, callback = Watched(), best(tmp_path)
    fit(model, callback, plugins=[plugin()])
    assert is_equal(model.state_dict(), model.validated[1])


def test_a_module_that_saves_less_than_it_has_is_restored_as_it_loads(tmp_path: Path) -> None:
    class Packs(Watched):
        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            checkpoint["packed"] = checkpoint.pop("state_dict")
            checkpoint["state_dict"] = {}

        def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            checkpoint["state_dict"] = checkpoint["packed"]

    model = Packs()
    fit(model, best(tmp_path))
    assert is_equal(model.state_dict(), model.validated[1])


def test_a_finder_restores_nothing(tmp_path: Path) -> None:
    model = Watched()
    finder = LearningRateFinder(num_training_steps=5)
    fit(model, finder, best(tmp_path / "a"))
    assert len(model.validated) == 5, "the trial validates too"
    assert is_equal(model.state_dict(), model.validated[2])
    run = trainer(max_epochs=1, callbacks=[best(tmp_path / "b")], enable_checkpointing=True)
    fitted = Watched()
    run.fit(fitted, loader(), loader(4))
    with torch.no_grad():
        fitted.net[1].weight.zero_()
    Tuner(run).lr_find(fitted, loader(), loader(4), num_training=3, update_attr=False)
    assert not fitted.net[1].weight.any(), "a fit that only looks for a rate ends otherwise"


def test_what_is_saved_after_a_restore_is_no_state_to_go_on_from(tmp_path: Path) -> None:
    model = Watched()
    run = fit(model, best(tmp_path))
    run.save_checkpoint(tmp_path / "exported.ckpt")
    assert is_equal(weights_in(tmp_path / "exported.ckpt"), model.validated[1])
    with pytest.raises(ValueError, match="the best weights") as caught:
        fit(Watched(), best(tmp_path), ckpt_path=tmp_path / "exported.ckpt")
    assert str(caught.value) == (
        "BestEpochCheckpoint: the checkpoint must hold the weights that its optimizer was at, got the best weights "
        'beside the last counters, saved after a fit. Pass ckpt_path="last", or load its weights and start a new fit.'
    )
    run.test(model, loader(4), ckpt_path=tmp_path / "exported.ckpt", weights_only=True, verbose=False)


def test_a_sharded_module_is_refused(tmp_path: Path) -> None:
    class Sharded:
        strategy = object.__new__(FSDPStrategy)
        callbacks: list[Any] = []  # noqa: RUF012

    from lightning_regkit._lightning._weights import refuse_unrestorable

    with pytest.raises(ValueError, match="FSDPStrategy"):
        refuse_unrestorable("BestEpochCheckpoint", Sharded())


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:.fit\\(ckpt_path="last"\\) is set, but there is no last checkpoint:UserWarning')
def test_a_run_killed_while_it_saves_leaves_whole_files_and_goes_on_exactly(tmp_path: Path) -> None:
    writes = ["2", "3", "4", "5", "8"]
    subprocess.run(
        [sys.executable, "-m", "tests.callbacks.killed_best_epoch", str(tmp_path), *writes],
        check=True,
        capture_output=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
    )
    whole = train(tmp_path / "whole")
    expected = names(tmp_path / "whole")
    for write in writes:
        left = [path for path in (tmp_path / write).iterdir() if path.suffix == ".ckpt"]
        assert left, "the first write was whole"
        for path in left:
            AtomicCheckpointIO().load_checkpoint(path)
        model = train(tmp_path / write)
        assert is_equal(model.state_dict(), whole.state_dict())
        assert set(expected) <= {name.replace("-v1", "") for name in names(tmp_path / write)}


def test_where_one_of_several_processes_fails_nothing_is_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lightning_regkit.callbacks import _restored_run

    monkeypatch.setattr(_restored_run, "is_together", lambda *_: False)
    with pytest.raises(OSError, match="the cluster is on fire"):
        fit(Watched(), Ending(13, fail), best(tmp_path))
    assert names(tmp_path) == ["epoch=1-step=10.ckpt"]
    assert lines_said(caplog)[-2] == "one process failed, and a save needs all: go on from the last checkpoint."
