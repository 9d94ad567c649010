"""The list of members, written and read."""

import json
from pathlib import Path

import pytest

from lightning_regkit.ensemble import Member, read_manifest, write_manifest
from lightning_regkit.errors import CorruptCheckpointError

MEMBERS = (Member("a", 10, 0, 0.0, "aa", score=0.5), Member("b", 20, 1, 0.001, "bb"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_manifest(tmp_path, MEMBERS)
    assert read_manifest(tmp_path) == MEMBERS
    assert [path.name for path in tmp_path.iterdir()] == ["members.json"], "nothing is left beside it"


def test_it_is_plain_json(tmp_path: Path) -> None:
    write_manifest(tmp_path, MEMBERS[:1])
    entry = {"file": "a", "step": 10, "cycle": 0, "rate": 0.0, "sha256": "aa", "score": 0.5}
    assert json.loads((tmp_path / "members.json").read_text()) == {"format": 1, "members": [entry]}


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf"), None])
def test_a_score_that_is_no_number_is_none(score: float | None, tmp_path: Path) -> None:
    write_manifest(tmp_path, [Member("a", 1, 0, 0.0, "aa", score=score)])
    assert read_manifest(tmp_path)[0].score is None


def test_no_list_is_no_members(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "must be a list of members, got 'Expecting property name"),
        ("[]", "must be a list of members, got "),
        ('{"format": 1, "members": [{"name": "a"}]}', "must be a list of members, got "),
        ('{"format": 2, "members": []}', "must be a list of format 1, got 2."),
    ],
)
def test_another_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "members.json"
    path.write_text(text)
    with pytest.raises(CorruptCheckpointError) as refusal:
        read_manifest(tmp_path)
    assert str(refusal.value).startswith(f"ensemble: file {str(path)!r} {said}")
