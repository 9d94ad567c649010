"""The comparison of the protocol with the quickstart."""

import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import lightning_regkit as rk
from recipes import tune_digits
from recipes.tune_digits import BASELINE, interval, main


@pytest.mark.parametrize("count", [2, 3, 5, 11])
def test_the_interval_is_students(count: int) -> None:
    values = [0.5, -1.0, 2.0, 3.5, 0.0, 1.0, 7.0, -2.0, 4.0, 1.5, 2.5][:count]
    stats: Any = pytest.importorskip("scipy.stats")  # scikit-learn brings it
    theirs = stats.t.interval(0.95, count - 1, loc=sum(values) / count, scale=stats.sem(values))
    assert interval(values)[1:] == pytest.approx(theirs, abs=2e-3)


def test_many_seeds_take_the_normal_limit() -> None:
    mean, low, high = interval([0.0, 2.0] * 10)
    assert mean == 1
    assert high - mean == pytest.approx(mean - low)


def test_what_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(tune_digits, "chosen", lambda *_: {"lr": 0.05, "weight_decay": 0.0})
    monkeypatch.setattr(
        tune_digits, "trained_error", lambda seed, lr, weight_decay, epochs: 10.0 + seed + (lr == BASELINE["lr"])
    )
    main(["--seeds", "3", "--out", str(tmp_path)])
    said = " ".join(capsys.readouterr().out.split())
    assert "tuned - plain: -1.00 points, 95 % interval -1.00 to -1.00" in said
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["--seeds", "1"])


def test_a_protocol_that_ends_early_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = rk.tuning.StepDone(1, "initial loss", "not finite", "It is nan.", {})
    monkeypatch.setattr(rk.tuning.Protocol, "run", lambda *_: iter([done]))
    budget: Any = rk.tuning.Budget(1, 1)
    with pytest.raises(RuntimeError, match=r"^tune_digits: the protocol ended before it found a rate\.$"):
        tune_digits.chosen(tmp_path, budget, budget, Console(quiet=True))


@pytest.mark.slow
def test_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seeds", "2", "--epochs", "2", "--trials", "1", "--out", str(tmp_path)])
    assert re.search(r"tuned - plain: [+-]\d+\.\d\d points", capsys.readouterr().out)
