"""Warmup and spec on the clock of one run: worked tables, what is said beforehand, refusals."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import (
    Constant,
    Cosine,
    CyclicCosine,
    Horizon,
    Linear,
    Milestones,
    ScheduleSpec,
    compose,
    describe,
)

# 9 epochs of 10 steps.
HORIZON = Horizon(total_steps=90, epoch_ends=tuple(range(10, 91, 10)))


@pytest.mark.parametrize(
    ("spec", "total_steps", "warmup", "start_factor", "table"),
    [
        (Constant(), 3, 2, None, [0.5, 0.75, 1.0, 1.0]),
        (Linear(), 3, 1, None, [1.0, 1.0, 0.5, 0.0, 0.0]),
        (Linear(), 10, "0.2run", 0.0, [0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0, 0.0]),
        (Cosine(), 5, "2step", None, [0.5, 0.75, 1.0, 0.75, 0.25, 0.0, 0.0]),
        (Cosine(final_factor=0.2), 3, 0, None, [1.0, 0.8, 0.4, 0.2, 0.2]),
        (Cosine(), 2, 1, None, [1.0, 1.0, 0.0, 0.0]),
        (Cosine(), 1, 0, None, [1.0, 0.0]),
        (Milestones([3, 5]), 6, 2, None, [0.5, 0.75, 1.0, 0.1, 0.1, 0.01, 0.01]),
        (CyclicCosine(num_cycles=2), 8, 2, None, [0.5, 0.75, 1.0, 0.5, 0.0, 1.0, 0.5, 0.0, 0.0, 0.0]),
    ],
)
def test_worked_tables(
    spec: ScheduleSpec, total_steps: int, warmup: str | int, start_factor: float | None, table: list[float]
) -> None:
    schedule = compose(spec, Horizon(total_steps=total_steps), warmup=warmup, start_factor=start_factor)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-15)


def test_goyal_warms_up_for_five_epochs_and_drops_at_epochs_counted_from_the_start() -> None:
    epochs = Horizon(total_steps=900, epoch_ends=tuple(range(10, 901, 10)))
    schedule = compose(Milestones(["30ep", "60ep", "80ep"]), epochs, warmup="5ep", start_factor=1 / 32)
    of_epoch = [schedule(10 * epoch) for epoch in (0, 5, 29, 30, 60, 80, 89)]
    assert of_epoch == pytest.approx([1 / 32, 1.0, 1.0, 0.1, 0.01, 0.001, 0.001])
    assert schedule(25) == pytest.approx((1 / 32 + 1) / 2)


@given(st.integers(1, 400), st.data(), st.floats(0, 1))
def test_the_peak_is_reached_at_the_end_of_warmup_and_the_floor_at_the_end_of_the_run(
    total_steps: int, data: st.DataObject, final_factor: float
) -> None:
    warmup = data.draw(st.integers(0, total_steps - 1))
    for spec in (Linear(final_factor), Cosine(final_factor), CyclicCosine(1, final_factor)):
        schedule = compose(spec, Horizon(total_steps=total_steps), warmup=warmup)
        factors = [schedule(step) for step in range(total_steps + 2)]
        assert factors[warmup] == 1.0
        assert max(factors) == 1.0
        assert factors[total_steps:] == [final_factor] * 2


def test_what_needs_no_total_runs_without_one() -> None:
    schedule = compose(Constant(), Horizon(total_steps=None), warmup="4step")
    assert [schedule(step) for step in (0, 4, 1000)] == [0.25, 1.0, 1.0]
    assert compose(Milestones([9]), Horizon(total_steps=None), warmup=4)(9) == 0.1


@pytest.mark.parametrize(
    ("warmup", "text"),
    [
        (0, "Cosine: x1 at step 0, curving to x0 at step 90, the end of the run"),
        ("0ep", "Cosine: x1 at step 0, curving to x0 at step 90, the end of the run"),
        (4, "linear warmup to step 4, then Cosine: x1 at step 4, curving to x0 at step 90, the end of the run"),
        (
            "2ep",
            "linear warmup to step 20 (2ep), then Cosine: x1 at step 20, curving to x0 at step 90, the end of the run",
        ),
    ],
)
def test_the_plan_begins_with_the_warmup(warmup: str | int, text: str) -> None:
    assert describe(Cosine(), HORIZON, warmup=warmup) == text


@pytest.mark.parametrize(
    ("horizon", "warmup", "text"),
    [
        (HORIZON, "9ep", "be shorter than the run of 90 steps, got '9ep'. It takes 90 steps."),
        (HORIZON, "10ep", "be shorter than the run of 90 steps, got '10ep'. It takes 100 steps."),
        (HORIZON, "1run", "be shorter than the run of 90 steps, got '1run'. It takes 90 steps."),
        (Horizon(total_steps=1), 1, "be shorter than the run of 1 steps, got 1. It takes 1 steps."),
        (HORIZON, "5 epochs", "be a duration such as '5ep', '500step' or '0.1run', got '5 epochs'."),
    ],
)
def test_a_warmup_that_is_no_duration_or_fills_the_run_is_refused(
    horizon: Horizon, warmup: str | int, text: str
) -> None:
    for spec in (Constant(), Cosine()):
        for act in (compose, describe):
            with pytest.raises(ValueError, match=f"^{re.escape(f'ScheduleLR: warmup must {text}')}$"):
                act(spec, horizon, warmup=warmup)


def test_a_warmup_in_epochs_of_unknown_length_is_refused() -> None:
    for act in (compose, describe):
        with pytest.raises(
            UnknownTotalError, match=r"^ScheduleLR: warmup must be in steps where the length of the epoch"
        ):
            act(Constant(), Horizon(total_steps=90), warmup="5ep")


def test_what_the_spec_refuses_is_refused() -> None:
    for act in (compose, describe):
        with pytest.raises(
            ValueError, match=r"^Milestones: positions must lie after the warmup of 20 steps, got '1ep'"
        ):
            act(Milestones(["1ep"]), HORIZON, warmup="2ep")
        with pytest.raises(UnknownTotalError, match=r"^Cosine: the run must have a known number of steps"):
            act(Cosine(), Horizon(total_steps=None), warmup=3)
