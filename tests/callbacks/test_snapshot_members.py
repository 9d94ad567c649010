"""The list of members as a run takes them; in fits: test_snapshot_ensemble.py."""

from pathlib import Path

import pytest
import torch

from lightning_regkit.callbacks._snapshot_members import SnapshotMembers
from lightning_regkit.ensemble import read_manifest
from tests.callbacks.ensembles import Scored
from tests.support import trainer


def taken(folder: Path, steps: tuple[int, ...] = (4, 9)) -> SnapshotMembers:
    members = SnapshotMembers(folder)
    for step in steps:
        members.take(trainer(), Scored(step), step, 0.5)
    return members


def test_each_is_on_disk_and_in_the_list_as_soon_as_it_is_taken(tmp_path: Path) -> None:
    members = taken(tmp_path)
    assert [(member.step, member.cycle, member.rate) for member in members.taken] == [(4, 0, 0.5), (9, 1, 0.5)]
    assert read_manifest(tmp_path) == members.taken
    (_, first), (name, second) = members.listed()
    assert name == "step-00000009.safetensors"
    assert torch.equal(first()["net.1.weight"], Scored(4).net[1].weight)
    assert torch.equal(second()["net.1.weight"], Scored(9).net[1].weight)


def test_a_score_is_noted_only_of_the_weights_it_was_measured_on(tmp_path: Path) -> None:
    members = taken(tmp_path)
    members.score(trainer(), 9, 0.75)
    members.score(trainer(), 10, 0.25)
    assert [member.score for member in read_manifest(tmp_path)] == [None, 0.75]
    assert [member.score for member in members.taken] == [None, 0.75]
    SnapshotMembers(tmp_path / "empty").score(trainer(), 9, 0.75)
    assert not (tmp_path / "empty").exists()


def test_a_checkpoint_has_the_list_in_plain_values(tmp_path: Path) -> None:
    members, other = taken(tmp_path), SnapshotMembers(tmp_path)
    torch.save(members.save(), tmp_path / "state")
    other.load(torch.load(tmp_path / "state", weights_only=True))
    assert other.taken == members.taken
    other.begin(trainer())


def test_the_members_of_another_run_are_not_written_over(tmp_path: Path) -> None:
    taken(tmp_path)
    with pytest.raises(ValueError, match="Snapshot") as refusal:
        SnapshotMembers(tmp_path).begin(trainer())
    assert str(refusal.value) == (
        f"SnapshotEnsemble: dirpath must hold no members of another run, got '{tmp_path} with 2'. "
        "Remove it, choose another dirpath=, or resume that run with ckpt_path=."
    )


def test_members_that_are_gone_are_missed_before_the_first_step(tmp_path: Path) -> None:
    members = taken(tmp_path)
    (tmp_path / "step-00000004.safetensors").unlink()
    with pytest.raises(ValueError, match="Snapshot") as refusal:
        members.begin(trainer())
    assert str(refusal.value) == (
        "SnapshotEnsemble: dirpath must hold the members of the run that goes on, 2, "
        f"got '{tmp_path} without step-00000004.safetensors'."
    )
