"""Killed runs equal one that was not; and the harness that says so notices when they do not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lightning_regkit.plugins import AtomicCheckpointIO
from tests.faults.__main__ import STORIES, summary
from tests.faults.faults import KILL
from tests.faults.job import Setup
from tests.faults.story import Row, Story, Theater
from tests.faults.verdict import damages, differences, is_finished, lost_rows


@pytest.mark.slow
def test_a_run_killed_three_times_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    rows = list(Theater(tmp_path, np.random.default_rng(5)).play(Story(Setup(), (KILL,) * 3)))
    assert [row.wrong for row in rows] == [()] * len(rows)
    assert [row.kind for row in rows].count("kill") == 3
    assert rows[-1].kind == "run"


def test_25_kills_are_planned() -> None:
    kinds = [fault.kind for story in STORIES for fault in story.faults]
    assert kinds.count("kill") == 25
    assert sum(fault.name == "SIGKILL in a write" for story in STORIES for fault in story.faults) >= 5


def test_summary() -> None:
    rows = [Row(Setup(), "a", kind="kill"), Row(Setup(), "b", kind="run", wrong=("x",)), Row(Setup(), "late")]
    assert summary(rows) == "1 kills, 0 disks that refused, 1 runs compared: 1 wrong;"


def finished(folder: Path, final: Any, rows: list[int]) -> Path:
    folder.mkdir()
    torch.save(final, folder / "final0.pt")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_every_difference_is_found(tmp_path: Path) -> None:
    final = {"weights": {"w": torch.tensor([1.0, 2.0])}, "optimizer": [{"lr": 0.1}], "metrics": {}}
    other = {"weights": {"w": torch.tensor([1.0, 2.0000002])}, "optimizer": [{"lr": 0.2}], "metrics": {"a": 1}}
    expected = finished(tmp_path / "expected", final, [0, 1, 2])
    assert differences(expected, finished(tmp_path / "same", final, [0, 1, 1, 2])) == []
    found = finished(tmp_path / "other", other, [0, 2, 3])
    assert differences(expected, found) == [
        "final0.pt['weights']['w']",
        "final0.pt['optimizer'][0]['lr']: 0.1, 0.2",
        "final0.pt['metrics']: 0 entries, 1",
        "row 3",
    ]
    assert lost_rows(expected, found) == ["1"]
    assert is_finished(found, 1)
    assert not is_finished(found, 2)


def test_every_damage_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    assert damages(folder, parts=0) == []
    whole = {"pytorch-lightning_version": "2.6.6", "state_dict": {"w": torch.zeros(100)}}
    AtomicCheckpointIO().save_checkpoint(whole, folder / "resume.ckpt")
    assert damages(folder, parts=0) == []
    (folder / ".resume.ckpt.part").touch()
    assert damages(folder, parts=1) == []
    assert damages(folder, parts=0) == ["1 parts: ['.resume.ckpt.part']"]
    content = (folder / "resume.ckpt").read_bytes()
    (folder / "resume.ckpt").write_bytes(content[:-1])
    (wrong,) = damages(folder, parts=1)
    assert wrong.startswith("resume.ckpt: CorruptCheckpointError")
