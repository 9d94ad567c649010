"""Any schedule, lower: worked values, the same clock, refusals."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Constant, Cosine, Horizon, Linear, Milestones, Scaled, linear, scaled
from tests.refusals import refusal

FACTORS = st.floats(0, 1, exclude_min=True)


def test_worked_table() -> None:
    schedule = scaled(linear(total_steps=4, final_factor=0.5), 0.2)
    assert [schedule(step) for step in range(6)] == pytest.approx([0.2, 0.175, 0.15, 0.125, 0.1, 0.1])


@given(FACTORS, st.integers(0, 100))
def test_it_is_the_product(factor: float, step: int) -> None:
    schedule = linear(total_steps=70, final_factor=0.1)
    assert scaled(schedule, factor)(step) == factor * schedule(step) <= schedule(step)


@given(FACTORS)
def test_the_spec_hands_on_run_and_warmup(factor: float) -> None:
    spec = Milestones(["0.5run"])
    ours, theirs = Scaled(spec, factor).build(Horizon(40), 3), spec.build(Horizon(40), 3)
    assert [ours(step) for step in range(50)] == [factor * theirs(step) for step in range(50)]


def test_scales_multiply() -> None:
    assert Scaled(Scaled(Constant(), 0.5), 0.25).build(Horizon(None))(7) == 0.125


def test_the_description_holds_that_of_what_is_scaled() -> None:
    text = "Scaled: x0.1 times (Linear: x1 at step 2, straight to x0 at step 12, the end of the run)"
    assert Scaled(Linear(), 0.1).describe(Horizon(12), 2) == text


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(scaled(linear(total_steps=4), 0.5)))(2) == 0.25


@pytest.mark.parametrize(
    ("factor", "error", "text"),
    [
        (0, ValueError, "be above 0, got 0."),
        (1.5, ValueError, "be a number in [0, 1], got 1.5."),
        (None, TypeError, "be a number in [0, 1], got None."),
    ],
)
def test_a_factor_out_of_range_is_refused(factor: float, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"schedules.scaled: factor must {text}")):
        scaled(linear(total_steps=4), factor)
    with pytest.raises(error, match=refusal(f"Scaled: factor must {text}")):
        Scaled(Linear(), factor)


def test_functions_and_specs_are_not_mixed_up() -> None:
    text = (
        "schedules.scaled: schedule must be a function of the step, got Linear(final_factor=0.0). "
        "For a spec, write Scaled(spec, factor)."
    )
    with pytest.raises(TypeError, match=refusal(text)):
        scaled(Linear(), 0.5)
    with pytest.raises(
        TypeError, match=refusal("Scaled: spec must be a spec of lightning_regkit.schedules, got 'cosine'.")
    ):
        Scaled("cosine", 0.5)


def test_what_the_spec_refuses_is_refused() -> None:
    for act in (Scaled(Cosine(), 0.5).build, Scaled(Cosine(), 0.5).describe):
        with pytest.raises(UnknownTotalError, match=r"^Cosine: the run must have a known number of steps"):
            act(Horizon(None))


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^schedules\.linear: step must be an integer of at least 0"):
        scaled(linear(total_steps=4), 0.5)(step)
