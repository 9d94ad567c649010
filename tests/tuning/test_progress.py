"""What is done, in a file."""

from pathlib import Path

import pytest

from lightning_regkit.tuning._progress import StepDone, read_progress, write_progress
from lightning_regkit.tuning._space import Among, Between

FIRST = StepDone(1, "initial loss", "healthy", "Fine.", {})
THIRD = StepDone(3, "a rate", "does not fall", "No rate.", {"rates": [0.1]})


def test_it_comes_back(tmp_path: Path) -> None:
    write_progress(tmp_path, {3: THIRD, 1: FIRST})
    assert list(read_progress(tmp_path).items()) == [(1, FIRST), (3, THIRD)]
    assert (FIRST.verdict.is_healthy, THIRD.verdict.is_healthy) == (True, False)


def test_nothing_is_done_in_an_empty_folder(tmp_path: Path) -> None:
    assert read_progress(tmp_path) == {}


@pytest.mark.parametrize("text", ["{", "[1]", '[{"step": 1}]', "3"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "protocol.json").write_text(text)
    with pytest.raises(ValueError, match=r"^tuning\.Protocol: .* must be a list of steps\. Remove it to begin anew\.$"):
        read_progress(tmp_path)


def test_where_to_look_next_comes_back_too(tmp_path: Path) -> None:
    space = {"lr": Between(0.01, 0.1, points=6), "optimizer": Among(("adamw", None, True, 2))}
    fourth = StepDone(4, "coarse search", "healthy", "Found.", {"round": [0]}, space, {"lr": 0.02, "optimizer": None})
    write_progress(tmp_path, {4: fourth})
    assert read_progress(tmp_path) == {4: fourth}
