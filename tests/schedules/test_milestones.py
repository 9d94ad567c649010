"""Drops: worked tables, torch's MultiStepLR, positions that count from the start of the run, refusals."""

import pickle
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import MultiStepLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, Milestones, milestones
from tests.refusals import refusal
from tests.schedules.references import torch_factors

# 10 epochs of 10 steps.
HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))
POSITIONS = st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True).map(sorted)


@pytest.mark.parametrize(
    ("positions", "gamma", "table"),
    [
        ([1], 0.1, [1.0, 0.1, 0.1]),
        ([2], 0.5, [1.0, 1.0, 0.5, 0.5]),
        ([1, 2], 0.5, [1.0, 0.5, 0.25, 0.25]),
        ((3, 6, 8), 0.1, [1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]),
        ([2], 0.0, [1.0, 1.0, 0.0, 0.0]),
        ([2], 1.0, [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_worked_tables(positions: list[int], gamma: float, table: list[float]) -> None:
    schedule = milestones(positions, gamma=gamma)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-15)


@given(POSITIONS, st.floats(0, 1))
def test_it_is_one_before_the_first_drop_and_never_rises(positions: list[int], gamma: float) -> None:
    schedule = milestones(positions, gamma=gamma)
    factors = [schedule(step) for step in range(65)]
    assert factors[: positions[0]] == [1.0] * positions[0]
    assert all(later <= earlier for earlier, later in pairwise(factors))
    assert factors[positions[0]] == gamma
    assert schedule(10**9) == factors[-1]


@settings(max_examples=25)
@given(POSITIONS, st.sampled_from([0.1, 0.2, 0.5]))
def test_torch_multi_step_agrees(positions: list[int], gamma: float) -> None:
    schedule = milestones(positions, gamma=gamma)
    theirs = torch_factors(partial(MultiStepLR, milestones=positions, gamma=gamma), 65)
    assert [schedule(step) for step in range(65)] == pytest.approx(theirs, rel=1e-12)


def test_later_changes_of_the_list_change_nothing() -> None:
    positions = [2, 4]
    schedule = milestones(positions)
    positions[0] = 1
    assert schedule(1) == 1.0


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(milestones([2], gamma=0.5)))(2) == 0.5


@pytest.mark.parametrize("warmup_steps", [0, 1, 29])
def test_positions_count_from_the_start_of_the_run_warmup_or_not(warmup_steps: int) -> None:
    schedule = Milestones(["3ep", "0.6run", 80]).build(HORIZON, warmup_steps)
    of_run = [schedule(step - warmup_steps) for step in (29, 30, 59, 60, 79, 80, 99)]
    assert of_run == pytest.approx([1.0, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_list_becomes_a_tuple_so_that_the_spec_is_a_value() -> None:
    spec = Milestones(["30ep", 60], gamma=0.2)
    assert spec.positions == ("30ep", 60)
    assert spec == Milestones(("30ep", 60), gamma=0.2)
    assert hash(spec) == hash(Milestones(("30ep", 60), gamma=0.2))


def test_goyal_drops_by_ten() -> None:
    assert Milestones(["30ep", "60ep", "80ep"]).gamma == 0.1


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        (["3ep", "6ep"], "Milestones: x0.1 at step 30 (3ep), 60 (6ep)"),
        ([30, "0.6run"], "Milestones: x0.1 at step 30, 60 (0.6run)"),
        (
            ["3ep", "6ep", "10ep"],
            "Milestones: x0.1 at step 30 (3ep), 60 (6ep); never reached: step 100 (10ep), the end of the run",
        ),
        (["1run"], "Milestones: never reached: step 100 (1run), the end of the run"),
    ],
)
def test_the_description_says_where_and_what_is_never_reached(positions: list[int | str], text: str) -> None:
    assert Milestones(positions).describe(HORIZON) == text
    assert Milestones(positions).describe(HORIZON, warmup_steps=29) == text


def test_a_position_at_the_end_is_accepted_and_changes_no_step_of_the_run() -> None:
    schedule = Milestones(["5ep", "10ep"]).build(HORIZON)
    assert [schedule(step) for step in range(100)] == [milestones([50])(step) for step in range(100)]


def test_steps_and_epochs_need_no_total() -> None:
    assert Milestones([30]).build(Horizon(total_steps=None))(30) == 0.1
    assert Milestones(["3ep"]).build(Horizon(total_steps=None, epoch_ends=(10,)))(30) == 0.1
    assert Milestones([30]).describe(Horizon(total_steps=None)) == "Milestones: x0.1 at step 30"


@pytest.mark.parametrize("position", ["3ep", "0.3run"])
def test_a_unit_that_the_run_does_not_know_is_refused(position: str) -> None:
    for act in (Milestones([position]).build, Milestones([position]).describe):
        with pytest.raises(
            UnknownTotalError, match=r"^Milestones: positions must be in steps where the length of the "
        ):
            act(Horizon(total_steps=None))


@pytest.mark.parametrize(
    ("positions", "warmup_steps", "text"),
    [
        (
            ["3ep", "30ep"],
            0,
            "lie within the run of 100 steps, got '30ep'. It falls on step 300: remove it, or train longer.",
        ),
        ([101], 0, "lie within the run of 100 steps, got 101. It falls on step 101: remove it, or train longer."),
        (["2ep", "6ep"], 30, "lie after the warmup of 30 steps, got '2ep'. It falls on step 20."),
        (["3ep", "6ep"], 30, "lie after the warmup of 30 steps, got '3ep'. It falls on step 30."),
        (["0ep", "6ep"], 0, "lie after step 0, got '0ep'. It falls on step 0."),
        (["0.001ep"], 0, "lie after step 0, got '0.001ep'. It falls on step 0."),
        (["3ep", "0.2run"], 0, "increase, got ['3ep', '0.2run']."),
        (["3ep", 30], 0, "increase, got ['3ep', 30]."),
        (["3ep", "3.01ep"], 0, "increase, got ['3ep', '3.01ep']."),
    ],
)
def test_what_does_not_fit_into_the_run_is_refused(positions: list[int | str], warmup_steps: int, text: str) -> None:
    for act in (Milestones(positions).build, Milestones(positions).describe):
        with pytest.raises(ValueError, match=refusal(f"Milestones: positions must {text}")):
            act(HORIZON, warmup_steps)


@pytest.mark.parametrize(
    ("positions", "error", "text"),
    [
        ("30ep", TypeError, "be a list, got '30ep'."),
        (30, TypeError, "be a list, got 30."),
        (None, TypeError, "be a list, got None."),
        ([], ValueError, "hold at least one position, got []."),
        ([0.5], TypeError, "be a duration such as '5ep', '500step' or '0.1run', got 0.5."),
        (["30 epochs"], ValueError, "be a duration such as '5ep', '500step' or '0.1run', got '30 epochs'."),
        (["60ep", "30ep"], ValueError, "increase, got ['60ep', '30ep']."),
        ([30, "30step"], ValueError, "increase, got [30, '30step']."),
    ],
)
def test_the_spec_refuses_what_it_can_when_it_is_made(positions: list[str], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"Milestones: positions must {text}")):
        Milestones(positions)


@pytest.mark.parametrize(
    ("positions", "error", "text"),
    [
        (30, TypeError, "be a list, got 30."),
        ([], ValueError, "hold at least one position, got []."),
        (["30ep"], TypeError, "be a positive integer, got '30ep'."),
        ([0, 3], ValueError, "be a positive integer, got 0."),
        ([3, 3], ValueError, "increase, got [3, 3]."),
        ((6, 3), ValueError, "increase, got [6, 3]."),
    ],
)
def test_steps_that_do_not_increase_are_refused(positions: list[int], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"schedules.milestones: positions must {text}")):
        milestones(positions)


@pytest.mark.parametrize("gamma", [-0.1, 1.1])
def test_a_drop_outside_the_range_is_refused(gamma: float) -> None:
    with pytest.raises(
        ValueError, match=refusal(f"schedules.milestones: gamma must be a number in [0, 1], got {gamma}.")
    ):
        milestones([3], gamma=gamma)
    with pytest.raises(ValueError, match=refusal(f"Milestones: gamma must be a number in [0, 1], got {gamma}.")):
        Milestones([3], gamma=gamma)


def test_a_negative_warmup_is_refused() -> None:
    for act in (Milestones([3]).build, Milestones([3]).describe):
        with pytest.raises(ValueError, match=r"^Milestones: warmup_steps must be an integer of at least 0, got -1\.$"):
            act(HORIZON, -1)


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=refusal(f"schedules.milestones: step must be an integer of at least 0, got {step!r}.")
    ):
        milestones([3])(step)
