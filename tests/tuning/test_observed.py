"""What was observed is plain and frozen."""

from dataclasses import FrozenInstanceError

import pytest

from lightning_regkit.tuning._observed import Observed


def test_it_is_frozen_and_unknown_by_default() -> None:
    seen = Observed(2.3)
    assert (seen.spec, seen.labels, seen.inputs, seen.spread, seen.eval_norms) == (None, None, None, None, ())
    with pytest.raises(FrozenInstanceError):
        seen.loss = 1.0  # type: ignore[misc]
