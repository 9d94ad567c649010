"""Results as JSON that any reader takes, and pictures where matplotlib is there."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lightning_regkit.tuning._write import plain, write_json, write_picture


@dataclass(frozen=True)
class Inner:
    at: Path


@dataclass(frozen=True)
class Result:
    losses: tuple[float, ...]
    inner: Inner
    by_name: dict[int, float]

    def draw(self, axes: object) -> None:
        axes.plot(self.losses)  # type: ignore[attr-defined]


RESULT = Result((1.0, float("nan"), float("inf")), Inner(Path("a/b")), {1: -float("inf")})


def test_a_result_is_plain(tmp_path: Path) -> None:
    write_json(tmp_path, "step", RESULT)
    expected = {"losses": [1.0, "nan", "inf"], "inner": {"at": "a/b"}, "by_name": {"1": "-inf"}}
    assert json.loads((tmp_path / "step.json").read_text(), parse_constant=pytest.fail) == expected == plain(RESULT)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    write_picture(tmp_path, "step", RESULT)
    assert (tmp_path / "step.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_written_without_a_folder_or_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(None, "step", RESULT)
    write_picture(None, "step", RESULT)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    write_picture(tmp_path, "step", RESULT)
    assert list(tmp_path.iterdir()) == []
