"""What happened in step 2 is plain and frozen."""

from dataclasses import FrozenInstanceError

import pytest

from lightning_regkit.tuning._overfitted import Overfitted


def test_it_is_frozen_and_innocent_by_default() -> None:
    seen = Overfitted((2.3, 0.1))
    assert (seen.accuracy, seen.spec, seen.moved) == (None, None, 1)
    assert (seen.frozen, seen.without_gradient, seen.saturated, seen.dead) == (0, 0, 0, 0)
    with pytest.raises(FrozenInstanceError):
        seen.losses = ()  # type: ignore[misc]
