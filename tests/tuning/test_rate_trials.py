"""Step 3 in its plain form, end to end."""

import json
from pathlib import Path
from typing import Any

import pytest

from lightning_regkit.tuning import Setup, rate_trials
from tests.tuning.support import CPU, Digits, Net


def test_rates_start_from_the_same_weights(tmp_path: Path) -> None:
    setup = Setup(folder=tmp_path, trainer=CPU.trainer)
    result = rate_trials(Net(), Digits(), rates=(0.1, 1e-9), num_steps=40, setup=setup)
    assert result.losses[0][0] == result.losses[1][0]
    assert (result.best, result.verdict.is_healthy) == (0.1, True)
    assert [len(losses) for losses in result.losses] == [40, 40]
    assert json.loads((tmp_path / "3_rate_trials.json").read_text())["best"] == 0.1
    assert (tmp_path / "3_rate_trials.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rates": ()}, r"rates must hold at least one, got \[\]\."),
        ({"rates": (-1.0,)}, r"rates must be a positive number, got -1\.0\."),
        ({"num_steps": 0}, r"num_steps must be a positive integer, got 0\."),
    ],
)
def test_refusals(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=f"^tuning.rate_trials: {text}$"):
        rate_trials(Net(), Digits(), **options)
