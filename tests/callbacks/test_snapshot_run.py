"""A snapshot run that is stopped and goes on: the same members, bit for bit."""

import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import ExactResume, SnapshotEnsemble
from lightning_regkit.ensemble import read_manifest
from lightning_regkit.samplers import ResumableSampler
from tests.callbacks.ensembles import Scored, data, lines
from tests.support import NUM_CLASSES, SIDE_PX, images, trainer

pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")


class Noisy(Scored):
    def __init__(self) -> None:
        super().__init__(3)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX**2, 8), nn.Dropout(), nn.Linear(8, NUM_CLASSES))


class Save(pl.Callback):
    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)


def run(snapshots: SnapshotEnsemble, *others: Any, ckpt_path: Path | None = None) -> Noisy:
    torch.manual_seed(5 if ckpt_path is None else 99)
    model, examples = Noisy(), TensorDataset(*images(12))
    loader = DataLoader(examples, batch_size=2, sampler=ResumableSampler(examples, seed=3))
    exact = ExactResume(None, dirpath=snapshots.cycles.dirpath / "exact")
    whole = trainer(max_epochs=2, callbacks=[snapshots, *others, exact], enable_checkpointing=True)
    whole.fit(model, loader, ckpt_path=ckpt_path, weights_only=None if ckpt_path is None else True)
    return model


@pytest.mark.parametrize("control", [None, "single_cycle"])
@pytest.mark.parametrize("step", [2, 4, 5, 8])
def test_a_resumed_run_makes_the_same_members(step: int, control: str | None, tmp_path: Path) -> None:
    whole = SnapshotEnsemble(3, tmp_path / "members", control=control)
    run(whole, Save(step, tmp_path / "at.ckpt"))
    members = read_manifest(tmp_path / "members")
    assert [member.step for member in members] == [4, 8, 12]
    for member in members:
        if member.step > step:
            (tmp_path / "members" / member.file).unlink()
    run(SnapshotEnsemble(3, tmp_path / "members", control=control), ckpt_path=tmp_path / "at.ckpt")
    assert read_manifest(tmp_path / "members") == members, "down to the checksums"


def test_a_test_after_a_resumed_fit_is_of_the_ensemble(tmp_path: Path) -> None:
    stopped = trainer(
        max_epochs=2, callbacks=[SnapshotEnsemble(3, tmp_path / "members"), Save(5, tmp_path / "at.ckpt")]
    )
    stopped.fit(Noisy(), data(12, 2))
    model, snapshots = Noisy(), SnapshotEnsemble(3, tmp_path / "members")
    resumed = trainer(max_epochs=2, callbacks=[snapshots])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a loader that is not resumable
        resumed.fit(model, data(12, 2), ckpt_path=tmp_path / "at.ckpt", weights_only=True)
    resumed.test(model, data(), verbose=False)
    assert len(snapshots.curve) == 3


@pytest.mark.usefixtures("logs_of_lightning")
def test_settings_of_the_code_win_and_a_line_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(SnapshotEnsemble(3, tmp_path), Save(5, tmp_path / "at.ckpt"))
    changed = SnapshotEnsemble(2, tmp_path)
    run(changed, ckpt_path=tmp_path / "at.ckpt")
    assert [member.step for member in read_manifest(tmp_path)] == [4, 6, 12]
    said = (
        f"SnapshotEnsemble: goes on with {changed.cycles}; the checkpoint had {SnapshotEnsemble(3, tmp_path).cycles}."
    )
    assert said in lines(caplog, "SnapshotEnsemble")


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
def test_a_checkpoint_without_its_state_goes_on_at_the_right_step(tmp_path: Path) -> None:
    other = trainer(max_epochs=2, callbacks=[Save(5, tmp_path / "at.ckpt")])
    other.fit(Scored(1), data(12, 2))
    model, snapshots = Scored(1), SnapshotEnsemble(3, tmp_path / "members")
    trainer(max_epochs=2, callbacks=[snapshots]).fit(
        model, data(12, 2), ckpt_path=tmp_path / "at.ckpt", weights_only=True
    )
    assert [member.step for member in read_manifest(tmp_path / "members")] == [8, 12]


def test_a_second_run_of_one_object_starts_anew(tmp_path: Path) -> None:
    snapshots = SnapshotEnsemble(3, tmp_path)
    trainer(max_epochs=2, callbacks=[snapshots]).fit(Scored(1), data())
    with pytest.raises(ValueError, match="hold no members of another run"):
        trainer(max_epochs=2, callbacks=[snapshots]).fit(Scored(1), data())
    for path in tmp_path.iterdir():
        path.unlink()
    trainer(max_epochs=2, callbacks=[snapshots]).fit(Scored(1), data())
    assert len(read_manifest(tmp_path)) == 3


def test_a_test_with_a_checkpoint_does_not_touch_the_run(tmp_path: Path) -> None:
    snapshots = SnapshotEnsemble(3, tmp_path / "members")
    fit = trainer(max_epochs=2, callbacks=[snapshots, Save(3, tmp_path / "at.ckpt")])
    fit.fit(model := Scored(1), data())
    before = snapshots.state_dict()
    fit.test(model, data(), ckpt_path=tmp_path / "at.ckpt", weights_only=True, verbose=False)
    assert snapshots.state_dict() == before
    assert snapshots.curve == ()


class Breaks(pl.Callback):
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if trainer.global_step == 5:
            raise OSError("on fire")


def test_after_an_exception_no_hook_is_left(tmp_path: Path) -> None:
    snapshots = SnapshotEnsemble(3, tmp_path)
    broken = trainer(max_epochs=4, callbacks=[snapshots, Breaks()])
    with pytest.raises(OSError, match="on fire"):
        broken.fit(Scored(1), data())
    assert [member.step for member in read_manifest(tmp_path)] == [4]
    optimizer = broken.optimizers[0]
    for _ in range(5):
        optimizer.step()
    assert len(read_manifest(tmp_path)) == 1
    assert snapshots.state_dict()["steps"] == [5]
