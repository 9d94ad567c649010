"""Moments, and how long it is from one to the next."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.stopping import Moment, Wait, wait

CONDITION = "be epochs such as '10ep', steps such as '500step', or an integer, which counts checks"


@pytest.mark.parametrize(
    ("text", "value", "unit", "shown"),
    [
        ("10ep", 10, "ep", "10 epochs"),
        ("1ep", 1, "ep", "1 epoch"),
        ("0.1ep", Fraction(1, 10), "ep", "0.1 epochs"),
        ("500step", 500, "step", "500 steps"),
        (3, 3, "check", "3 checks"),
        (1, 1, "check", "1 check"),
        (0, 0, "check", "0 checks"),
    ],
)
def test_what_can_be_written(text: int | str, value: Any, unit: str, shown: str) -> None:
    found = wait(text, owner="Best", argument="patience")
    assert found == Wait(Fraction(value), unit)
    assert str(found) == shown


@pytest.mark.parametrize("text", ["0.1run", "10", "ep", "10 ep", "-1ep", "10check"])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="patience") as caught:
        wait(text, owner="Best", argument="patience")
    assert str(caught.value) == f"Best: patience must {CONDITION}, got {text!r}."


def test_other_refusals() -> None:
    with pytest.raises(ValueError, match=r"^Best: patience must be an integer of at least 0, got -1\.$"):
        wait(-1, owner="Best", argument="patience")
    with pytest.raises(ValueError, match=r"^Best: patience must be a whole number of steps, got '0\.5step'\.$"):
        wait("0.5step", owner="Best", argument="patience")
    for value in (True, 1.5, None):
        with pytest.raises(TypeError, match="patience") as caught:
            wait(value, owner="Best", argument="patience")
        assert str(caught.value) == f"Best: patience must {CONDITION}, got {value!r}."


@given(st.fractions(0, 100), st.integers(0, 1000), st.integers(0, 100), st.integers(0, 50))
def test_time_adds_up(epochs: Fraction, steps: int, checks: int, more: int) -> None:
    earlier, later = Moment(epochs, steps, checks), Moment(epochs + Fraction(more, 3), steps + 2 * more, checks + more)
    assert later.since(earlier, "ep") == Wait(Fraction(more, 3), "ep")
    assert later.since(earlier, "step") == Wait(Fraction(2 * more), "step")
    assert later.since(earlier, "check") == Wait(Fraction(more), "check")


def test_parts_of_an_epoch_are_exact() -> None:
    assert Moment(Fraction(37, 3)).since(Moment(Fraction(7, 3)), "ep").value == 10, "in floats it is not"
