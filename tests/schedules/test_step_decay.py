"""Even drops: worked tables, torch's StepLR, timm's StepLRScheduler, epochs of any length, refusals."""

import pickle
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timm.scheduler.step_lr import StepLRScheduler
from torch.optim.lr_scheduler import StepLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, Milestones, StepDecay, compose, step_decay
from tests.refusals import refusal
from tests.schedules.references import timm_factors, torch_factors

# 10 epochs of 10 steps.
HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))


@pytest.mark.parametrize(
    ("step_size", "gamma", "table"),
    [
        (1, 0.5, [1.0, 0.5, 0.25, 0.125]),
        (2, 0.1, [1.0, 1.0, 0.1, 0.1, 0.01, 0.01, 0.001]),
        (3, 0.1, [1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01]),
        (2, 0.0, [1.0, 1.0, 0.0, 0.0, 0.0]),
        (2, 1.0, [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_worked_tables(step_size: int, gamma: float, table: list[float]) -> None:
    schedule = step_decay(step_size=step_size, gamma=gamma)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-15)


@given(st.integers(1, 40), st.floats(0, 1))
def test_it_is_one_before_the_first_drop_and_never_rises(step_size: int, gamma: float) -> None:
    schedule = step_decay(step_size=step_size, gamma=gamma)
    factors = [schedule(step) for step in range(100)]
    assert factors[:step_size] == [1.0] * step_size
    assert factors[step_size] == gamma
    assert all(later <= earlier for earlier, later in pairwise(factors))
    assert 0 <= schedule(10**9) <= factors[-1]


@pytest.mark.parametrize("step_size", [1, 2, 3, 30])
@pytest.mark.parametrize("gamma", [0.1, 0.5])
def test_torch_and_timm_agree(step_size: int, gamma: float) -> None:
    schedule = step_decay(step_size=step_size, gamma=gamma)
    ours = [schedule(step) for step in range(100)]
    assert ours == pytest.approx(torch_factors(partial(StepLR, step_size=step_size, gamma=gamma), 100), rel=1e-12)
    timm = partial(StepLRScheduler, decay_t=step_size, decay_rate=gamma, t_in_epochs=False)
    assert ours == pytest.approx(timm_factors(timm, 100), rel=1e-12)


@pytest.mark.parametrize("warmup_steps", [0, 1, 29])
@pytest.mark.parametrize("step_size", ["3ep", 30, "30step", "0.3run"])
def test_drops_count_from_the_start_of_the_run_warmup_or_not(step_size: str | int, warmup_steps: int) -> None:
    schedule = StepDecay(step_size).build(HORIZON, warmup_steps)
    of_run = [schedule(step - warmup_steps) for step in (29, 30, 59, 60, 89, 90, 99, 150)]
    assert of_run == pytest.approx([1.0, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001])


def test_goyal_says_the_same_by_milestones() -> None:
    epochs = Horizon(total_steps=900, epoch_ends=tuple(range(10, 901, 10)))
    ours = compose(StepDecay("30ep"), epochs, warmup="5ep")
    theirs = compose(Milestones(["30ep", "60ep"]), epochs, warmup="5ep")
    assert [ours(step) for step in range(900)] == [theirs(step) for step in range(900)]


def test_epochs_that_differ_in_length_drop_at_their_ends() -> None:
    # Accumulation grows: two epochs of 8 steps, two of 4, two of 2.
    horizon = Horizon(total_steps=28, epoch_ends=(8, 16, 20, 24, 26, 28))
    schedule = StepDecay("2ep", gamma=0.5).build(horizon)
    assert [schedule(step) for step in (15, 16, 23, 24, 27)] == [1.0, 0.5, 0.5, 0.25, 0.25]
    assert StepDecay("2ep").describe(horizon) == "StepDecay: x0.1 at step 16, 24 (every 2ep), to x0.01"


def test_parts_of_an_epoch_are_measured_once() -> None:
    horizon = Horizon(total_steps=28, epoch_ends=(8, 16, 20, 24, 26, 28))
    assert StepDecay("1.5ep").describe(horizon) == "StepDecay: x0.1 at step 12, 24 (every 1.5ep), to x0.01"


def test_it_stays_after_the_end_where_the_run_has_one() -> None:
    assert [StepDecay(2, 0.5).build(Horizon(5))(step) for step in (3, 4, 5, 6, 100)] == [0.5, 0.25, 0.25, 0.25, 0.25]
    assert [StepDecay(2, 0.5).build(Horizon(None))(step) for step in (3, 4, 5, 6)] == [0.5, 0.25, 0.25, 0.125]
    assert [StepDecay(3, 0.5).build(Horizon(None), 1)(step) for step in (1, 2, 4, 5)] == [1.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("step_size", "horizon", "text"),
    [
        ("3ep", HORIZON, "x0.1 at step 30, 60, 90 (every 3ep), to x0.001"),
        (50, HORIZON, "x0.1 at step 50 (every 50 steps), to x0.1"),
        ("1ep", HORIZON, "x0.1 at step 10, 20, 30, ..., 90 (every 1ep), to x1e-09"),
        ("10ep", HORIZON, "x1 throughout; never reached: step 100, the end of the run"),
        (30, Horizon(None), "x0.1 at step 30 and every 30 steps after, without an end"),
        ("3ep", Horizon(None, (10,)), "x0.1 at step 30 and every 3ep after, without an end"),
    ],
)
def test_the_description_says_where_and_how_low(step_size: str | int, horizon: Horizon, text: str) -> None:
    assert StepDecay(step_size).describe(horizon) == f"StepDecay: {text}"


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(step_decay(step_size=2, gamma=0.5)))(2) == 0.5


@pytest.mark.parametrize(
    ("step_size", "warmup_steps", "text"),
    [
        (
            "30ep",
            0,
            "be at most the run of 100 steps, got '30ep'. "
            "It takes 300 steps: no drop would happen. Shorten it, or train longer.",
        ),
        (
            101,
            0,
            "be at most the run of 100 steps, got 101. "
            "It takes 101 steps: no drop would happen. Shorten it, or train longer.",
        ),
        ("3ep", 30, "be longer than the warmup of 30 steps, got '3ep'. It takes 30 steps."),
        ("0.01ep", 0, "last at least a step, got '0.01ep'. It takes 0 steps."),
    ],
)
def test_what_does_not_fit_into_the_run_is_refused(step_size: str | int, warmup_steps: int, text: str) -> None:
    for act in (StepDecay(step_size).build, StepDecay(step_size).describe):
        with pytest.raises(ValueError, match=refusal(f"StepDecay: step_size must {text}")):
            act(HORIZON, warmup_steps)


def test_a_unit_that_the_run_does_not_know_is_refused() -> None:
    with pytest.raises(
        UnknownTotalError, match=r"^StepDecay: step_size must be in steps where the length of the epoch"
    ):
        StepDecay("3ep").build(Horizon(total_steps=100))


def test_the_spec_refuses_what_it_can_when_it_is_made() -> None:
    with pytest.raises(ValueError, match=refusal("StepDecay: step_size must be longer than nothing, got '0ep'.")):
        StepDecay("0ep")
    with pytest.raises(ValueError, match=refusal("StepDecay: gamma must be a number in [0, 1], got 10.")):
        StepDecay("30ep", gamma=10)


def test_a_negative_warmup_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^StepDecay: warmup_steps must be an integer of at least 0, got -1\.$"):
        StepDecay(3).build(HORIZON, -1)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"step_size": 0}, ValueError, "step_size must be a positive integer, got 0."),
        ({"step_size": "30ep"}, TypeError, "step_size must be a positive integer, got '30ep'."),
        ({"step_size": 3, "gamma": -0.1}, ValueError, "gamma must be a number in [0, 1], got -0.1."),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, int], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"schedules.step_decay: {text}")):
        step_decay(**arguments)


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.step_decay: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=refusal(text)):
        step_decay(step_size=3)(step)
