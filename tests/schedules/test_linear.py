"""A straight line: worked tables, bounds that hold to the last bit, torch's LinearLR."""

import pickle
import re
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import LinearLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, Linear, linear
from tests.schedules.references import torch_factors

FACTORS = st.floats(0, 1)


@pytest.mark.parametrize(
    ("total_steps", "final_factor", "table"),
    [
        (1, 0.0, [1.0, 0.0, 0.0]),
        (1, 0.5, [1.0, 0.5, 0.5]),
        (2, 0.0, [1.0, 0.5, 0.0, 0.0]),
        (3, 0.0, [1.0, 2 / 3, 1 / 3, 0.0, 0.0]),
        (3, 0.25, [1.0, 0.75, 0.5, 0.25, 0.25]),
        (10, 0.0, [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0]),
        (10, 1.0, [1.0] * 12),
    ],
)
def test_worked_tables(total_steps: int, final_factor: float, table: list[float]) -> None:
    schedule = linear(total_steps=total_steps, final_factor=final_factor)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-15)


@given(st.integers(1, 300), FACTORS)
def test_it_starts_at_one_never_rises_and_ends_on_the_floor_exactly(total_steps: int, final_factor: float) -> None:
    schedule = linear(total_steps=total_steps, final_factor=final_factor)
    factors = [schedule(step) for step in range(total_steps + 3)]
    assert factors[0] == 1.0
    assert all(later <= earlier for earlier, later in pairwise(factors))
    assert factors[total_steps:] == [final_factor] * 3


@given(st.integers(1, 10**9), FACTORS, st.integers(0, 2 * 10**9))
def test_long_runs_stay_between_floor_and_peak(total_steps: int, final_factor: float, step: int) -> None:
    schedule = linear(total_steps=total_steps, final_factor=final_factor)
    assert final_factor <= schedule(step + 1) <= schedule(step) <= 1.0


@pytest.mark.parametrize("total_steps", [1, 2, 3, 10, 97])
@pytest.mark.parametrize("final_factor", [0.0, 0.1, 1.0])
def test_torch_linear_agrees_past_the_end_too(total_steps: int, final_factor: float) -> None:
    make = partial(LinearLR, start_factor=1.0, end_factor=final_factor, total_iters=total_steps)
    schedule = linear(total_steps=total_steps, final_factor=final_factor)
    ours = [schedule(step) for step in range(total_steps + 5)]
    assert ours == pytest.approx(torch_factors(make, total_steps + 5), abs=1e-12)


def test_the_spec_runs_from_the_end_of_warmup_to_the_end_of_the_run() -> None:
    schedule = Linear(final_factor=0.5).build(Horizon(total_steps=12), warmup_steps=2)
    assert [schedule(step) for step in (0, 5, 10, 11)] == [1.0, 0.75, 0.5, 0.5]


def test_the_description_counts_from_the_start_of_the_run() -> None:
    text = "Linear: x1 at step 2, straight to x0.5 at step 12, the end of the run"
    assert Linear(final_factor=0.5).describe(Horizon(total_steps=12), warmup_steps=2) == text


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(linear(total_steps=4)))(1) == 0.75


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.linear: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        linear(total_steps=3)(step)


@pytest.mark.parametrize(("total_steps", "error"), [(0, ValueError), (-3, ValueError), (3.0, TypeError)])
def test_a_total_that_does_not_count_is_refused(total_steps: int, error: type[Exception]) -> None:
    text = f"schedules.linear: total_steps must be a positive integer, got {total_steps!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        linear(total_steps=total_steps)


@pytest.mark.parametrize("final_factor", [-0.1, 1.1])
def test_a_floor_outside_the_range_is_refused(final_factor: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^schedules\.linear: final_factor must be a number in \[0, 1\], got {final_factor}\.$"
    ):
        linear(total_steps=3, final_factor=final_factor)
    with pytest.raises(ValueError, match=rf"^Linear: final_factor must be a number in \[0, 1\], got {final_factor}\.$"):
        Linear(final_factor=final_factor)


def test_a_run_of_unknown_length_is_refused() -> None:
    for act in (Linear().build, Linear().describe):
        with pytest.raises(UnknownTotalError, match=r"^Linear: the run must have a known number of steps"):
            act(Horizon(total_steps=None, epoch_ends=(10,)))
