"""Rates for the batch of all processes, the same on each."""

from pathlib import Path

import pytest

from tests.ddp.support import run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


def test_the_rate_is_for_the_batch_of_both_processes(tmp_path: Path) -> None:
    first, second = run("scaling", tmp_path)
    # 0.1 for 3 images; 24 images in batches of 3 on 2 processes are 4 steps of 6, or 2 of 12.
    assert first["alone"]["rates"] == pytest.approx([0.2] * 4)
    assert first["accumulated"]["rates"] == pytest.approx([0.4] * 2)
    assert first["first"]["rates"] == pytest.approx([0.2, 0.15, 0.1, 0.05])
    assert first["last"]["rates"] == first["first"]["rates"]
    for name, found in first.items():
        assert second[name]["rates"] == found["rates"]
        assert second[name]["weights"] == found["weights"]
