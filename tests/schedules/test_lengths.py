"""Lengths, lists, shares and the part of a clock that a run uses."""

import pickle

import pytest

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, linear
from lightning_regkit.schedules._lengths import (
    check_length,
    clocked,
    end_of,
    enumerated,
    length_steps,
    listed,
    positive_fraction,
    shown,
)
from tests.refusals import refusal

HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))


@pytest.mark.parametrize("length", ["30ep", "0.001ep", 1, "1run", "7step"])
def test_a_length_of_something_is_accepted(length: str | int) -> None:
    check_length("StepDecay", "step_size", length)


@pytest.mark.parametrize(
    ("length", "error", "text"),
    [
        (0, ValueError, "be longer than nothing, got 0."),
        ("0ep", ValueError, "be longer than nothing, got '0ep'."),
        ("30 epochs", ValueError, "be a duration such as '5ep', '500step' or '0.1run', got '30 epochs'."),
        (-1, ValueError, "be a duration such as '5ep', '500step' or '0.1run', got -1."),
        (0.5, TypeError, "be a duration such as '5ep', '500step' or '0.1run', got 0.5."),
    ],
)
def test_a_length_of_nothing_is_refused(length: str | int, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"StepDecay: step_size must {text}")):
        check_length("StepDecay", "step_size", length)


@pytest.mark.parametrize(("length", "count"), [("3ep", 30), (7, 7), ("0.25run", 25), ("0.05ep", 1)])
def test_a_length_becomes_steps(length: str | int, count: int) -> None:
    assert length_steps("StepDecay", "step_size", length, HORIZON) == count


def test_a_length_that_rounds_to_nothing_is_refused() -> None:
    text = "StepDecay: step_size must last at least a step, got '0.04ep'. It takes 0 steps."
    with pytest.raises(ValueError, match=refusal(text)):
        length_steps("StepDecay", "step_size", "0.04ep", HORIZON)


def test_a_length_of_unknown_unit_is_refused() -> None:
    with pytest.raises(UnknownTotalError, match=r"^StepDecay: step_size must be in steps where the length of the run"):
        length_steps("StepDecay", "step_size", "0.5run", Horizon(total_steps=None))


def test_a_list_becomes_a_tuple() -> None:
    assert listed("Join", "boundaries", [3, "4ep"]) == (3, "4ep")
    assert listed("Join", "boundaries", ()) == ()


@pytest.mark.parametrize("values", ["30ep", 30, None, {3: 4}])
def test_what_is_no_list_is_refused(values: list[int]) -> None:
    with pytest.raises(TypeError, match=refusal(f"Join: boundaries must be a list, got {values!r}.")):
        listed("Join", "boundaries", values)


@pytest.mark.parametrize("value", [5e-324, 0.5, 1, 1.0])
def test_a_share_above_nothing_is_returned(value: float) -> None:
    assert positive_fraction("Scaled", "factor", value) == value


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0, ValueError, "be above 0, got 0."),
        (0.0, ValueError, "be above 0, got 0.0."),
        (1.1, ValueError, "be a number in [0, 1], got 1.1."),
        (-0.1, ValueError, "be a number in [0, 1], got -0.1."),
        ("1", TypeError, "be a number in [0, 1], got '1'."),
    ],
)
def test_what_is_no_share_above_nothing_is_refused(value: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"Scaled: factor must {text}")):
        positive_fraction("Scaled", "factor", value)


@pytest.mark.parametrize(
    ("first", "last", "table"),
    [
        (0, None, [1.0, 0.75, 0.5, 0.25, 0.0]),
        (0, 2, [1.0, 0.75, 0.5, 0.5, 0.5]),
        (1, None, [0.75, 0.5, 0.25, 0.0, 0.0]),
        (1, 3, [0.75, 0.5, 0.25, 0.25, 0.25]),
    ],
)
def test_a_clock_begins_late_and_stops(first: int, last: int | None, table: list[float]) -> None:
    schedule = pickle.loads(pickle.dumps(clocked("schedules.linear", linear(total_steps=4), first=first, last=last)))
    assert [schedule(step) for step in range(5)] == table


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError), (True, TypeError)])
@pytest.mark.parametrize("last", [None, 3])
def test_what_is_no_step_is_not_moved_into_range(last: int | None, step: int, error: type[Exception]) -> None:
    text = f"schedules.linear: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=refusal(text)):
        clocked("schedules.linear", float, first=5, last=last)(step)


def test_a_position_is_shown_as_written() -> None:
    assert shown(30, "3ep") == "30 (3ep)"
    assert shown(30, 30) == "30"


@pytest.mark.parametrize(("count", "text"), [(1, "0"), (5, "0, 1, 2, 3, 4"), (6, "0, 1, 2, ..., 5")])
def test_long_lists_are_cut_in_the_middle(count: int, text: str) -> None:
    assert enumerated([str(k) for k in range(count)]) == text


def test_an_end_is_said_where_there_is_one() -> None:
    assert end_of(linear(total_steps=12), HORIZON, 92) == "to x0.333 at step 100, the end of the run"
    assert end_of(linear(total_steps=12), Horizon(total_steps=None), 92) == "without an end"
