from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import collectives

COUNTED: list[dict[str, Any]] = [
    {
        "Mixup": {"step": 0.0, "epoch": 0.0, "bare": 2.0},
        "KFACPreconditioner": {"step": 1.0, "epoch": 0.0, "bare": 2.0},
        "together": {"step": 0.0, "epoch": 5.0, "bare": 2.0},
    },
    {},
]


def counted(name: str, folder: Path) -> list[dict[str, Any]]:
    assert name == "collectives"
    assert folder.is_dir()
    return COUNTED


def test_all_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(collectives, "run", counted)
    collectives.main([])
    assert capsys.readouterr().out.splitlines() == [
        "callback            a step  an epoch  bare, a step",
        "Mixup                    0         0             2",
        "KFACPreconditioner       1         0             2",
        "together                 0         5             2",
    ]


def test_those_that_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(collectives, "run", counted)
    collectives.main(["Mix", "together"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["callback", "Mixup", "together"]
