"""Snapshot ensembles end to end: fit, then a test that equals separate tests of its members."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import lightning_regkit as rk
from lightning_regkit.callbacks import ScheduleLR, SnapshotEnsemble
from lightning_regkit.ensemble import read_manifest, read_member
from lightning_regkit.errors import CorruptCheckpointError
from tests.callbacks.ensembles import Scored, data, separate_tests
from tests.support import trainer


@pytest.fixture
def fitted(tmp_path: Path) -> tuple[SnapshotEnsemble, Scored, Any]:
    snapshots, model = SnapshotEnsemble(3, tmp_path), Scored(1)
    run = trainer(max_epochs=4, callbacks=[snapshots])
    run.fit(model, data())
    return snapshots, model, run


def probabilities(folder: Path) -> torch.Tensor:
    weights = [read_member(folder, member) for member in read_manifest(folder)]
    return torch.stack(separate_tests(weights))


def test_test_after_fit_is_the_mean_of_its_members(fitted: tuple[Any, Scored, Any], tmp_path: Path) -> None:
    snapshots, model, run = fitted
    probs, last = probabilities(tmp_path), {name: value.clone() for name, value in model.state_dict().items()}
    model.outputs.clear()
    (metrics,) = run.test(model, data(), verbose=False)
    assert_close(torch.cat(model.outputs).softmax(-1), probs.mean(0), atol=1e-6, rtol=1e-5)
    assert not torch.allclose(probs[0], probs[-1], atol=1e-3), "the members differ"
    assert metrics["accuracy"] == pytest.approx(snapshots.curve[-1].accuracy)
    assert len(snapshots.curve) == 3
    assert all(torch.equal(value, last[name]) for name, value in model.state_dict().items()), "the last weights stay"


def test_another_process_tests_what_is_in_the_folder(fitted: Any, tmp_path: Path) -> None:
    probs = probabilities(tmp_path)
    model, snapshots = Scored(7), SnapshotEnsemble(3, tmp_path, num_members=2)
    trainer(callbacks=[snapshots]).test(model, data(), verbose=False)
    assert_close(torch.cat(model.outputs).softmax(-1), probs[-2:].mean(0), atol=1e-6, rtol=1e-5)


def test_a_member_that_was_changed_is_refused(fitted: Any, tmp_path: Path) -> None:
    file = tmp_path / read_manifest(tmp_path)[1].file
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CorruptCheckpointError, match="have the checksum"):
        trainer(callbacks=[SnapshotEnsemble(3, tmp_path)]).test(Scored(7), data(), verbose=False)


def test_no_members_are_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the number of members must be at least 1, got 0"):
        trainer(callbacks=[SnapshotEnsemble(3, tmp_path)]).test(Scored(7), data(), verbose=False)


class Rated(Scored):
    """Logs a metric that says how often it was validated."""

    count = 0

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("checks", float(self.count))

    def on_validation_epoch_end(self) -> None:
        self.count += 1


def test_the_score_is_that_of_a_validation_of_just_these_weights(tmp_path: Path) -> None:
    snapshots = SnapshotEnsemble(4, tmp_path, monitor="checks")
    trainer(max_epochs=4, callbacks=[snapshots], num_sanity_val_steps=1, check_val_every_n_epoch=2).fit(
        Rated(), data(), data()
    )
    assert [(member.step, member.score) for member in read_manifest(tmp_path)] == [
        (3, None),
        (6, 1.0),
        (9, None),
        (12, 2.0),
    ]


def test_the_score_of_a_run_without_validation_comes_at_the_end_of_the_epoch(tmp_path: Path) -> None:
    class Trains(Scored):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            self.log("train_loss", loss, on_epoch=True, on_step=False)
            return loss

    snapshots = SnapshotEnsemble(4, tmp_path, monitor="train_loss")
    trainer(max_epochs=4, callbacks=[snapshots]).fit(Trains(), data())
    assert all(member.score is not None for member in read_manifest(tmp_path))


@pytest.mark.parametrize(
    ("callbacks", "options", "said"),
    [
        ([], {}, "drives the rate in cycles"),
        ([ScheduleLR(rk.schedules.CyclicCosine(3))], {}, "leaves the rate alone"),
        ([], {"control": "no_cycle"}, "leaves the rate alone"),
    ],
)
def test_explain(callbacks: list[Any], options: dict[str, Any], said: str, tmp_path: Path) -> None:
    run = trainer(max_epochs=4, callbacks=[*callbacks, SnapshotEnsemble(3, tmp_path, num_members=2, **options)])
    text = rk.explain(run, Scored(), train_dataloaders=data())
    assert (
        f"SnapshotEnsemble: {said}; takes members after steps 4, 8, 12, into {tmp_path}; at test, predict the mean of 2"
    ) in text


def test_explain_says_what_fit_would_refuse(tmp_path: Path) -> None:
    run = trainer(max_epochs=4, callbacks=[ScheduleLR(rk.schedules.Cosine()), SnapshotEnsemble(3, tmp_path)])
    assert "SnapshotEnsemble refuses this run: SnapshotEnsemble: ScheduleLR must have 3" in rk.explain(
        run, Scored(), train_dataloaders=data()
    )


@pytest.mark.parametrize(
    ("options", "run_options", "said"),
    [
        ({}, {"max_epochs": -1}, "drives the rate in cycles; takes 3 members in 1:00:00 of training, at"),
        ({"control": "no_cycle"}, {}, "leaves the rate alone; takes 3 members in 1:00:00 of training, at"),
        ({}, {"max_epochs": 4}, "takes 3 members in 1:00:00 of training or 12 steps, whichever end first, at"),
        ({"warmup": "0.1run"}, {}, "refuses this run: SnapshotEnsemble: warmup must be in epochs or steps with"),
        ({}, {"min_steps": 5}, "refuses this run: SnapshotEnsemble: min_steps must be left out with max_time, got 5."),
    ],
)
def test_explain_a_run_with_a_time_limit(
    options: dict[str, Any], run_options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    run = trainer(max_time="00:01:00:00", callbacks=[SnapshotEnsemble(3, tmp_path, **options)], **run_options)
    text = rk.explain(run, Scored(), train_dataloaders=data())
    assert said in text
    if "members" in said:
        assert f"ends of cycles planned from the time of a step, into {tmp_path}; at test, predict the mean" in text


def test_it_pickles_for_spawn(tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(SnapshotEnsemble(3, tmp_path))).cycles.num_cycles == 3


def test_a_finders_trial_takes_no_members(tmp_path: Path) -> None:
    from lightning.pytorch.callbacks import LearningRateFinder

    model = Scored(1)
    model.lr = 0.1
    finder = LearningRateFinder(num_training_steps=20, early_stop_threshold=None)
    run = trainer(
        max_epochs=4, callbacks=[SnapshotEnsemble(3, tmp_path / "members"), finder], default_root_dir=tmp_path
    )
    run.fit(model, data())
    assert [member.step for member in read_manifest(tmp_path / "members")] == [4, 8, 12]
