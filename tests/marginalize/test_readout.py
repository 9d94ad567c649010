"""How predictions are read from the user's module."""

from dataclasses import FrozenInstanceError

import pytest

from lightning_regkit.marginalize import Averaging, Readout


def test_everything_is_found_by_itself_and_softmax_unless_said() -> None:
    assert Readout() == Readout(
        inputs_key=None, targets_key=None, predictor=None, logits_key="logits", activation="softmax", space="probs"
    )


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Readout().predictor = "net"  # type: ignore[misc]


def test_what_is_averaged() -> None:
    assert Readout(activation="none", space="logits").averaging == Averaging("none", "logits")


@pytest.mark.parametrize("options", [{"activation": "relu"}, {"space": "pixels"}])
def test_unknown_choices_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        Readout(**options)
