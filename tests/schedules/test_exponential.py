"""A steady loss: worked tables, torch's ExponentialLR at the ends of epochs, the closed form of optax, refusals."""

import pickle
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ExponentialLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Exponential, Horizon, exponential, step_decay
from tests.refusals import refusal
from tests.schedules.references import optax_exponential_decay, torch_factors

HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))


@pytest.mark.parametrize(
    ("gamma", "every", "table"),
    [
        (0.5, 1, [1.0, 0.5, 0.25, 0.125]),
        (0.25, 2, [1.0, 0.5, 0.25, 0.125, 0.0625]),
        (0.001, 3, [1.0, 0.1, 0.01, 0.001, 0.0001]),
        (1.0, 1, [1.0, 1.0, 1.0]),
    ],
)
def test_worked_tables(gamma: float, every: int, table: list[float]) -> None:
    schedule = exponential(gamma=gamma, every=every)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, rel=1e-12)


@given(st.floats(0, 1, exclude_min=True), st.integers(1, 50))
def test_it_starts_at_one_and_never_rises(gamma: float, every: int) -> None:
    schedule = exponential(gamma=gamma, every=every)
    factors = [schedule(step) for step in range(100)]
    assert factors[0] == 1.0
    assert factors[every] == gamma
    assert all(0 <= later <= earlier for earlier, later in pairwise(factors))
    assert 0 <= schedule(10**9) <= factors[-1]


@pytest.mark.parametrize("gamma", [0.9, 0.95])
def test_torch_agrees_at_every_step_and_at_the_ends_of_epochs(gamma: float) -> None:
    theirs = torch_factors(partial(ExponentialLR, gamma=gamma), 11)
    by_step, by_epoch = exponential(gamma=gamma), Exponential(gamma=gamma).build(HORIZON)
    assert [by_step(step) for step in range(11)] == pytest.approx(theirs, rel=1e-12)
    assert [by_epoch(10 * epoch) for epoch in range(11)] == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(("gamma", "every"), [(0.5, 1), (0.1, 30), (0.9, 7)])
def test_optax_agrees_and_its_staircase_is_step_decay(gamma: float, every: int) -> None:
    smooth, stairs = exponential(gamma=gamma, every=every), step_decay(step_size=every, gamma=gamma)
    for step in range(100):
        assert smooth(step) == pytest.approx(optax_exponential_decay(step, every, gamma), rel=1e-12)
        assert stairs(step) == pytest.approx(optax_exponential_decay(step, every, gamma, staircase=True), rel=1e-12)


def test_the_spec_starts_at_the_end_of_warmup_and_stays_after_the_end() -> None:
    schedule = Exponential(gamma=0.25, every=2).build(Horizon(total_steps=5), warmup_steps=1)
    assert [schedule(step) for step in range(7)] == [1.0, 0.5, 0.25, 0.125, 0.0625, 0.0625, 0.0625]
    assert Exponential(gamma=0.25, every=2).build(Horizon(total_steps=None))(6) == 0.015625


def test_over_the_whole_run_gamma_is_the_last_factor() -> None:
    assert Exponential(gamma=0.01, every="1run").build(HORIZON)(100) == 0.01


@pytest.mark.parametrize(
    ("every", "horizon", "text"),
    [
        ("1ep", HORIZON, "x1 at step 20, x0.5 in every 10 steps (1ep), to x0.00391 at step 100, the end of the run"),
        (40, HORIZON, "x1 at step 20, x0.5 in every 40 steps, to x0.25 at step 100, the end of the run"),
        (40, Horizon(None), "x1 at step 20, x0.5 in every 40 steps, without an end"),
    ],
)
def test_the_description_says_how_low(every: str | int, horizon: Horizon, text: str) -> None:
    assert Exponential(gamma=0.5, every=every).describe(horizon, 20) == f"Exponential: {text}"


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(exponential(gamma=0.5)))(1) == 0.5


def test_what_does_not_fit_into_the_run_is_refused() -> None:
    for act in (Exponential(gamma=0.5).build, Exponential(gamma=0.5).describe):
        with pytest.raises(UnknownTotalError, match=r"^Exponential: every must be in steps where the length of the ep"):
            act(Horizon(total_steps=100))
        with pytest.raises(
            ValueError, match=refusal("Exponential: warmup_steps must be below the 100 steps of the run, got 100.")
        ):
            act(HORIZON, 100)


@pytest.mark.parametrize(
    ("gamma", "error", "text"),
    [
        (0, ValueError, "be above 0, got 0."),
        (1.1, ValueError, "be a number in [0, 1], got 1.1."),
        ("low", TypeError, "be a number in [0, 1], got 'low'."),
    ],
)
def test_a_factor_out_of_range_is_refused(gamma: float, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"Exponential: gamma must {text}")):
        Exponential(gamma=gamma)
    with pytest.raises(error, match=refusal(f"schedules.exponential: gamma must {text}")):
        exponential(gamma=gamma)


def test_a_length_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=refusal("Exponential: every must be longer than nothing, got 0.")):
        Exponential(gamma=0.5, every=0)
    with pytest.raises(ValueError, match=refusal("schedules.exponential: every must be a positive integer, got 0.")):
        exponential(gamma=0.5, every=0)


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.exponential: step must be an integer of at least 0, got {step!r}."
    for schedule in (exponential(gamma=0.5), Exponential(gamma=0.5).build(HORIZON)):
        with pytest.raises(error, match=refusal(text)):
            schedule(step)
