"""Names in the user's module."""

from dataclasses import FrozenInstanceError

import pytest

from lightning_regkit.ensemble import Layout


def test_everything_is_found_by_itself_unless_named() -> None:
    assert Layout() == Layout(inputs_key=None, targets_key=None, predictor=None, logits_key="logits")


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Layout().predictor = "net"  # type: ignore[misc]
