"""``ddp_spawn`` pickles the callbacks; what they do in the spawned processes is seen there."""

from pathlib import Path

import pytest

from tests.ddp.support import run
from tests.support import images

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


def test_every_callback_works_after_pickling(tmp_path: Path) -> None:
    first, second = run("spawning", tmp_path)
    clean = [batch.tolist() for batch in images(40)[0].split(8)]
    for one, two, untouched in zip(first["seen"], second["seen"], clean, strict=True):
        assert one != two
        assert one != untouched != two
    # Warmup of one step to the base rate 0.1, then a cosine over the other four: (1 + cos(pi t / 4)) / 2.
    assert first["rates"] == pytest.approx([0.1, 0.1, 0.0853553, 0.05, 0.0146447], abs=1e-6)
    assert second["rates"] == first["rates"]
    assert second["weights"] == first["weights"]
    assert first["averages"] == second["averages"] == [5]
    assert first["is_clean"]
    assert second["is_clean"]
