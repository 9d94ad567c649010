"""One over the root of the step: worked tables, equation 3 of the paper, a closed form in use elsewhere, refusals."""

import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, InverseSqrt, compose, inverse_sqrt, with_warmup
from tests.refusals import refusal

HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))


def vaswani(step_num: int, warmup_steps: int, d_model: int = 512) -> float:
    """Equation 3."""
    return float(d_model**-0.5 * min(step_num**-0.5, step_num * warmup_steps**-1.5))


@pytest.mark.parametrize(
    ("timescale", "steps", "table"),
    [
        (1, (0, 3, 8, 99), [1.0, 0.5, 1 / 3, 0.1]),
        (4, (0, 5, 12, 32), [1.0, 2 / 3, 0.5, 1 / 3]),
        (4000, (0, 12000, 96000), [1.0, 0.5, 0.2]),
    ],
)
def test_worked_tables(timescale: int, steps: tuple[int, ...], table: list[float]) -> None:
    schedule = inverse_sqrt(timescale=timescale)
    assert [schedule(step) for step in steps] == pytest.approx(table, rel=1e-15)


@given(st.integers(1, 10**5), st.integers(0, 10**6))
def test_it_starts_at_one_never_rises_and_never_ends(timescale: int, step: int) -> None:
    schedule = inverse_sqrt(timescale=timescale)
    assert schedule(0) == 1.0
    assert 1 >= schedule(step) >= schedule(step + 1) > schedule(10**12) > 0


@pytest.mark.parametrize("warmup_steps", [1, 2, 10, 4000])
def test_with_a_warmup_from_zero_it_is_equation_3_over_its_peak(warmup_steps: int) -> None:
    by_function = with_warmup(inverse_sqrt(timescale=warmup_steps), warmup_steps=warmup_steps, start_factor=0.0)
    by_spec = compose(InverseSqrt(), Horizon(total_steps=None), warmup=warmup_steps, start_factor=0.0)
    peak = vaswani(warmup_steps, warmup_steps)
    for step_num in [*range(1, 60), 3999, 4000, 4001, 100_000]:
        expected = vaswani(step_num, warmup_steps) / peak
        assert by_function(step_num) == pytest.approx(expected, rel=1e-12)
        assert by_spec(step_num) == by_function(step_num)


def test_a_timescale_of_its_own_bends_the_fall_and_not_the_warmup() -> None:
    # The closed form of transformers' get_inverse_sqrt_schedule.
    warmup, timescale = 5, 20
    schedule = compose(InverseSqrt(timescale=timescale), HORIZON, warmup=warmup, start_factor=0.0)
    for step in range(100):
        shift = timescale - warmup
        expected = step / warmup if step < warmup else 1 / ((step + shift) / timescale) ** 0.5
        assert schedule(step) == pytest.approx(expected, rel=1e-12)


def test_the_spec_stays_after_the_end_where_the_run_has_one() -> None:
    schedule = InverseSqrt(timescale=1).build(Horizon(total_steps=10), warmup_steps=2)
    assert [schedule(step) for step in (0, 3, 8, 9, 1000)] == pytest.approx([1.0, 0.5, 1 / 3, 1 / 3, 1 / 3])
    factors = [InverseSqrt(timescale=1).build(Horizon(total_steps=None))(step) for step in range(30)]
    assert all(later < earlier for earlier, later in pairwise(factors))


@pytest.mark.parametrize(
    ("spec", "horizon", "text"),
    [
        (InverseSqrt(), HORIZON, "x1 at step 25, x0.5 after 75 steps more, to x0.5 at step 100, the end of the run"),
        (
            InverseSqrt("5ep"),
            HORIZON,
            "x1 at step 25, x0.5 after 150 steps more, to x0.632 at step 100, the end of the run",
        ),
        (InverseSqrt(), Horizon(None), "x1 at step 25, x0.5 after 75 steps more, without an end"),
    ],
)
def test_the_description_says_how_low(spec: InverseSqrt, horizon: Horizon, text: str) -> None:
    assert spec.describe(horizon, 25) == f"InverseSqrt: {text}"


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(inverse_sqrt(timescale=1)))(3) == 0.5


def test_without_a_warmup_a_timescale_is_asked_for() -> None:
    text = (
        "InverseSqrt: timescale must be given where there is no warmup, got None. "
        "Pass warmup=, whose length it then has, or a length such as '4000step'."
    )
    for act in (InverseSqrt().build, InverseSqrt().describe):
        with pytest.raises(ValueError, match=refusal(text)):
            act(HORIZON)


def test_what_does_not_fit_into_the_run_is_refused() -> None:
    for act in (InverseSqrt("2ep").build, InverseSqrt("2ep").describe):
        with pytest.raises(
            UnknownTotalError, match=r"^InverseSqrt: timescale must be in steps where the length of the"
        ):
            act(Horizon(total_steps=100))
        with pytest.raises(
            ValueError, match=refusal("InverseSqrt: warmup_steps must be below the 100 steps of the run, got 100.")
        ):
            act(HORIZON, 100)


def test_a_timescale_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=refusal("InverseSqrt: timescale must be longer than nothing, got '0ep'.")):
        InverseSqrt("0ep")
    with pytest.raises(
        ValueError, match=refusal("schedules.inverse_sqrt: timescale must be a positive integer, got 0.")
    ):
        inverse_sqrt(timescale=0)


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.inverse_sqrt: step must be an integer of at least 0, got {step!r}."
    for schedule in (inverse_sqrt(timescale=3), InverseSqrt(3).build(HORIZON)):
        with pytest.raises(error, match=refusal(text)):
            schedule(step)
