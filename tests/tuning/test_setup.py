"""What runs share."""

from pathlib import Path

import pytest

from lightning_regkit.tuning._setup import Setup


def test_nothing_is_written_by_default() -> None:
    assert (Setup().folder, Setup().callbacks, dict(Setup().trainer), Setup().seed) == (None, (), {}, 0)


@pytest.mark.parametrize("folder", ["tune-out", Path("tune-out")])
def test_a_folder_may_be_a_text(folder: str | Path) -> None:
    assert Setup(folder=folder).path == Path("tune-out")
    assert Setup().path is None


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^tuning\.Setup: seed must be an integer of at least 0, got -1\.$"):
        Setup(seed=-1)
    with pytest.raises(ValueError, match=r"^tuning\.Setup: repeats must be a positive integer, got 0\.$"):
        Setup(repeats=0)
    with pytest.raises(TypeError, match=r"^tuning\.Setup: seed must be an integer of at least 0, got 0\.5\.$"):
        Setup(seed=0.5)
