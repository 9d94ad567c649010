"""ExactResume in real fits: a run stopped anywhere and resumed leaves what an uninterrupted one does, bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler, ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from lightning_regkit.callbacks import ExactResume
from lightning_regkit.plugins import AtomicCheckpointIO
from lightning_regkit.samplers import ResumableSampler
from tests.callbacks.interrupted import Augmented, Noisy, Rows, Stops, is_same, outcome, run
from tests.support import Classifier, loader, trainer

pytestmark = [
    pytest.mark.usefixtures("logs_of_lightning"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning"),
]

CASES: dict[str, dict[str, Any]] = {
    "validation at the end": {},
    "accumulation and validation across windows": {"accumulate_grad_batches": 3, "val_check_interval": 4},
    "workers": {"workers": 2, "accumulate_grad_batches": 2},
    "workers that do not persist": {"workers": 2, "max_time": "00:01:00:00"},
    "no validation": {"limit_val_batches": 0, "accumulate_grad_batches": 2},
    "max_steps": {"max_steps": 21, "max_epochs": -1},
    "scheduled accumulation": {"callbacks": [GradientAccumulationScheduler({1: 2})]},
    "epochs cut short": {"limit_train_batches": 5, "limit_val_batches": 0},
    "validation in every second epoch": {"check_val_every_n_epoch": 2},
    "validation every seven batches": {"check_val_every_n_epoch": None, "val_check_interval": 7},
}


def rows_of(trainer: pl.Trainer) -> list[tuple[int | None, dict[str, float]]]:
    assert isinstance(trainer.logger, Rows)
    return trainer.logger.rows


def lines_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("ExactResume")]


@pytest.fixture
def _stops_between_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save where SIGTERM ends a run of several processes, too: no hook is called there."""
    from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

    advance = _TrainingEpochLoop.advance

    def stopping(loop: Any, data_fetcher: Any) -> None:
        stops = next(callback for callback in loop.trainer.callbacks if isinstance(callback, Stops))
        if not loop.restarting:
            stops.save(loop.trainer, f"before_{loop.batch_progress.current.ready}")
        advance(loop, data_fetcher)

    monkeypatch.setattr(_TrainingEpochLoop, "advance", stopping)


@pytest.mark.slow
@pytest.mark.usefixtures("_stops_between_batches")
@pytest.mark.parametrize("case", CASES)
def test_a_run_stopped_at_any_hook_continues_bit_for_bit(case: str, tmp_path: Path) -> None:
    stops = Stops(tmp_path)
    whole = run(stops, resume=ExactResume(every=None), **CASES[case])
    assert len(stops.rows) >= 12
    for name, logged in stops.rows.items():
        resumed = run(Stops(None), resume=ExactResume(every=None), ckpt_path=tmp_path / f"{name}.ckpt", **CASES[case])
        assert is_same(outcome(resumed), outcome(whole)), name
        # The row of the batch or epoch that was saved comes after its hook; a validation is repeated from its start.
        rest, rows = rows_of(whole)[logged:], rows_of(resumed)
        assert rows in (rest, rest[1:]) or rest in (rows[1:], rows[2:]), name


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
def test_without_it_the_resumed_run_is_another(tmp_path: Path) -> None:
    stops = Stops(tmp_path)
    whole = run(stops, resume=None)
    resumed = run(Stops(None), resume=None, ckpt_path=tmp_path / "batch_end_3.ckpt")
    assert resumed.global_step == whole.global_step
    assert not is_same(outcome(resumed)["weights"], outcome(whole)["weights"])


class Ending(pl.Callback):
    """Ends the run at one step, as ``end`` says."""

    def __init__(self, step: int, end: Any) -> None:
        self.step, self.end = step, end

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.end()


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def fail() -> None:
    raise OSError("the cluster is on fire")


def test_sigterm_saves_the_current_state_and_last_finds_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = run(Stops(None), resume=ExactResume("5step", dirpath=tmp_path / "whole"))
    ours = {"plugins": [AtomicCheckpointIO()]}
    with pytest.raises(SIGTERMException):
        run(Stops(None), resume=ExactResume("5step", dirpath=tmp_path), callbacks=[Ending(13, terminate)], **ours)
    path = tmp_path / "resume.ckpt"
    assert lines_said(caplog) == [f'ExactResume: saved {path}; go on with fit(ckpt_path="last").']
    assert torch.load(path, weights_only=True)["global_step"] == 13
    resumed = run(Stops(None), resume=ExactResume("5step", dirpath=tmp_path), ckpt_path="last", **ours)
    assert is_same(outcome(resumed), outcome(whole))
    assert {each.name for each in tmp_path.iterdir()} == {"whole", "resume.ckpt"}


GROUP = """
import os, signal, sys, time
import lightning.pytorch as pl
from tests.callbacks.interrupted import ExactResume, Stops, run

class Preempted(pl.Callback):
    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 13:
            os.killpg(0, signal.SIGTERM)
            time.sleep(0.5)

run(Stops(None), resume=ExactResume("5step", dirpath=sys.argv[1]), callbacks=[Preempted()], workers=2)
"""


@pytest.mark.slow
def test_sigterm_that_kills_the_loaders_workers_too_saves_the_current_state(tmp_path: Path) -> None:
    command = [sys.executable, "-c", GROUP, str(tmp_path)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        command,
        cwd=root,
        env=environment,
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "ExactResume: saved" in done.stdout + done.stderr
    assert torch.load(tmp_path / "resume.ckpt", weights_only=True)["global_step"] == 14
    resumed = run(Stops(None), resume=ExactResume("5step", dirpath=tmp_path), workers=2, ckpt_path="last")
    whole = run(Stops(None), resume=ExactResume(None, dirpath=tmp_path), workers=2)
    assert is_same(outcome(resumed), outcome(whole))


def test_an_exception_saves_beside_the_exact_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OSError, match="the cluster is on fire"):
        run(Stops(None), resume=ExactResume("5step", dirpath=tmp_path), callbacks=[Ending(13, fail)])
    names = {each.name: torch.load(each, weights_only=True)["global_step"] for each in tmp_path.iterdir()}
    assert names == {"resume.ckpt": 10, "resume-interrupted.ckpt": 13}
    caplog.clear()
    resumed = run(Stops(None), resume=ExactResume("5step", dirpath=tmp_path), ckpt_path="last")
    assert resumed.global_step == 27
    assert lines_said(caplog) == [
        "ExactResume: the checkpoint was saved inside a batch, which is trained on again: the run goes on, not exactly."
    ]
    assert torch.load(tmp_path / "resume.ckpt", weights_only=True)["global_step"] > 13  # the same run's file goes on


def test_what_ended_the_run_reaches_the_user_when_the_save_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    def end() -> None:
        monkeypatch.setattr(pl.Trainer, "save_checkpoint", full)
        fail()

    with pytest.raises(OSError, match="the cluster is on fire") as caught:
        run(Stops(None), resume=ExactResume(None, dirpath=tmp_path), callbacks=[Ending(3, end)])
    path = tmp_path / "resume-interrupted.ckpt"
    assert caught.value.__notes__ == [f"ExactResume: the state could not be saved to {path}: no space left"]


@pytest.mark.parametrize(
    ("options", "resume", "end"),
    [
        ({}, {"every": None, "on_sigterm": False}, terminate),
        ({"fast_dev_run": True}, {"every": "1step"}, fail),
    ],
)
def test_nothing_is_written_where_nothing_should_be(
    options: dict[str, Any], resume: dict[str, Any], end: Any, tmp_path: Path
) -> None:
    with pytest.raises((OSError, SIGTERMException)):
        run(
            Stops(None),
            resume=ExactResume(**resume, dirpath=tmp_path / "none"),
            callbacks=[Ending(1, end)],
            **options,
        )
    assert not (tmp_path / "none").exists()


def test_an_exception_before_training_has_nothing_to_save(tmp_path: Path) -> None:
    class Early(pl.Callback):
        def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            fail()

    with pytest.raises(OSError, match="the cluster is on fire"):
        run(Stops(None), resume=ExactResume(dirpath=tmp_path / "none"), callbacks=[Early()])
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("every", "epochs"), [("1ep", {0, 1, 2}), ("2ep", {1}), (None, set())])
def test_epochs_are_saved_as_asked(every: str | None, epochs: set[int], tmp_path: Path) -> None:
    class Seen(pl.Callback):
        def __init__(self) -> None:
            self.epochs: set[int] = set()

        def on_save_checkpoint(self, trainer: pl.Trainer, *_: Any) -> None:
            self.epochs.add(trainer.current_epoch)

    seen = Seen()
    ours = run(Stops(None), resume=ExactResume(every, dirpath=tmp_path), callbacks=[seen])
    assert seen.epochs == epochs
    resume = ours.checkpoint_callbacks[-1]
    assert isinstance(resume, ExactResume)
    assert resume.best_model_path == resume.last_model_path == (str(tmp_path / "resume.ckpt") if every else "")


def test_a_run_resumed_after_an_epoch_saves_after_as_many_steps_as_before(tmp_path: Path) -> None:
    saves: list[int] = []

    class Seen(pl.Callback):
        def on_save_checkpoint(self, trainer: pl.Trainer, *_: Any) -> None:
            saves.append(trainer.global_step)

    for epochs in (1, 3):  # the first run ends with a save in its last batch
        run(
            Stops(None),
            resume=ExactResume("2step", dirpath=tmp_path),
            ckpt_path="last" if saves else None,
            callbacks=[Seen()],
            limit_train_batches=4,
            max_epochs=epochs,
        )
    assert saves == [2, 4, 6, 8, 10, 12]


def test_a_fresh_run_never_overwrites_another_runs_file(tmp_path: Path) -> None:
    first = run(Stops(None), resume=ExactResume(dirpath=tmp_path), max_epochs=1)
    before = (tmp_path / "resume.ckpt").read_bytes()
    run(Stops(None), resume=ExactResume(dirpath=tmp_path), max_epochs=2)
    assert (tmp_path / "resume.ckpt").read_bytes() == before
    assert torch.load(tmp_path / "resume-1.ckpt", weights_only=True)["epoch"] == 1
    assert first.current_epoch == 1


def test_a_second_fit_of_the_same_trainer_goes_on_with_the_next_epoch(tmp_path: Path) -> None:
    whole = run(Stops(None), resume=ExactResume(None, dirpath=tmp_path))
    data = Augmented()
    ours = run(Stops(None), resume=ExactResume(None, dirpath=tmp_path), max_epochs=2)
    ours.fit_loop.max_epochs = 3
    seen: list[tuple[int, int]] = []
    sampler = ResumableSampler(data, keyed=True)

    class Recorded(Augmented):
        def __getitem__(self, key: Any) -> Any:
            seen.append(key)
            return super().__getitem__(key)

    assert ours.lightning_module is not None
    ours.fit(ours.lightning_module, DataLoader(Recorded(), batch_size=2, sampler=sampler), loader(4))
    assert {epoch for epoch, _ in seen} == {2}
    assert ours.global_step == whole.global_step


def test_it_is_found_by_best_and_last_beside_a_model_checkpoint(tmp_path: Path) -> None:
    best = ModelCheckpoint(dirpath=tmp_path / "best", monitor="val_loss")
    ours = run(Stops(None), resume=ExactResume(dirpath=tmp_path), callbacks=[best])
    assert ours.checkpoint_callback is best
    resume = ours.checkpoint_callbacks[-1]
    assert isinstance(resume, ExactResume)
    assert resume.best_model_path == str(tmp_path / "resume.ckpt") != best.best_model_path


def test_manual_optimization_keeps_the_gradients_it_adds_to(tmp_path: Path) -> None:
    class Manual(Classifier):
        def __init__(self) -> None:
            super().__init__(momentum=0.9)
            self.automatic_optimization = False

        def training_step(self, batch: Any, batch_idx: int) -> None:
            self.manual_backward(super().training_step(batch, batch_idx))
            if batch_idx % 2:
                optimizer: Any = self.optimizers()
                optimizer.step()
                optimizer.zero_grad()

    def fit(end: int | None, ckpt_path: str | None) -> Manual:
        module, data = Manual(), Augmented(10, is_noisy=False)
        torch.manual_seed(0)
        module.net.apply(lambda layer: layer.reset_parameters() if isinstance(layer, torch.nn.Linear) else None)
        callbacks = [*([Ending(end, terminate)] if end else []), ExactResume(None, dirpath=tmp_path)]
        ours = trainer(max_epochs=2, enable_checkpointing=True, callbacks=callbacks)
        train = DataLoader(data, batch_size=2, sampler=ResumableSampler(data, seed=1))
        ours.fit(module, train, ckpt_path=ckpt_path, weights_only=True if ckpt_path else None)
        return module

    whole = fit(None, None)
    with pytest.raises(SIGTERMException):
        fit(1, None)  # right after a step; the next batch leaves gradients
    assert is_same(fit(None, "last").state_dict(), whole.state_dict())


@pytest.mark.parametrize(
    ("every", "error", "message"),
    [
        ("0.1run", ValueError, "ExactResume: every must be a whole number of steps or epochs, got '0.1run'."),
        ("0.5ep", ValueError, "ExactResume: every must be a whole number of steps or epochs, got '0.5ep'."),
        ("0step", ValueError, "ExactResume: every must be a whole number of steps or epochs, got '0step'."),
    ],
)
def test_what_every_cannot_be(every: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        ExactResume(every)
    assert str(caught.value) == message


def test_other_checkpoint_callbacks_come_first(tmp_path: Path) -> None:
    ours = trainer(
        max_epochs=1,
        enable_checkpointing=True,
        callbacks=[ExactResume(dirpath=tmp_path), ModelCheckpoint(dirpath=tmp_path)],
    )
    with pytest.raises(ValueError, match="position must be after other checkpoint callbacks") as caught:
        ours.fit(Classifier(), loader(10))
    assert str(caught.value).endswith('Lightning takes the first of them for ckpt_path="best".')


def test_loaders_that_cannot_resume_are_refused_before_the_first_step(tmp_path: Path) -> None:
    module = Noisy()
    ours = trainer(max_epochs=1, enable_checkpointing=True, callbacks=[ExactResume(dirpath=tmp_path)])
    with pytest.raises(TypeError) as caught:
        ours.fit(module, loader(10, shuffle=True), loader(4))
    assert str(caught.value) == (
        "ExactResume: train_dataloader must draw through ResumableSampler, got 'RandomSampler'. "
        "Pass DataLoader(dataset, batch_size=..., sampler=ResumableSampler(dataset))."
    )
    assert ours.global_step == 0
