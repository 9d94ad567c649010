"""What runs share."""

import pytest

from lightning_regkit.tuning._setup import Setup


def test_nothing_is_written_by_default() -> None:
    assert (Setup().folder, Setup().callbacks, dict(Setup().trainer), Setup().seed) == (None, (), {}, 0)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^tuning\.Setup: seed must be an integer of at least 0, got -1\.$"):
        Setup(seed=-1)
    with pytest.raises(TypeError, match=r"^tuning\.Setup: seed must be an integer of at least 0, got 0\.5\.$"):
        Setup(seed=0.5)
