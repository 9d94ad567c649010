"""Half a cosine: worked tables, bounds that hold to the last bit, torch inside the run, timm past its end."""

import pickle
import re
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timm.scheduler.cosine_lr import CosineLRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Cosine, Horizon, cosine
from lightning_regkit.schedules._cosine import cosine_factor
from tests.schedules.references import timm_factors, torch_factors

FACTORS = st.floats(0, 1)
# (1 + cos(pi k / 10)) / 2 by the double angle: sqrt(10 +- 2 sqrt(5)) and 1 +- sqrt(5) over 4, to four digits.
TEN = [1.0, 0.9755, 0.9045, 0.7939, 0.6545, 0.5, 0.3455, 0.2061, 0.0955, 0.0245, 0.0, 0.0]


@pytest.mark.parametrize(
    ("total_steps", "final_factor", "table"),
    [
        (1, 0.0, [1.0, 0.0, 0.0]),
        (1, 0.5, [1.0, 0.5, 0.5]),
        (2, 0.0, [1.0, 0.5, 0.0, 0.0]),
        (3, 0.0, [1.0, 0.75, 0.25, 0.0, 0.0]),
        (3, 0.2, [1.0, 0.8, 0.4, 0.2, 0.2]),
        (10, 0.0, TEN),
        (10, 1.0, [1.0] * 12),
    ],
)
def test_worked_tables(total_steps: int, final_factor: float, table: list[float]) -> None:
    schedule = cosine(total_steps=total_steps, final_factor=final_factor)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=5e-5)


@given(st.integers(1, 300), FACTORS)
def test_it_starts_at_one_never_rises_and_ends_on_the_floor_exactly(total_steps: int, final_factor: float) -> None:
    schedule = cosine(total_steps=total_steps, final_factor=final_factor)
    factors = [schedule(step) for step in range(total_steps + 3)]
    assert factors[0] == 1.0
    assert all(later <= earlier for earlier, later in pairwise(factors))
    assert factors[total_steps:] == [final_factor] * 3


@given(st.integers(1, 10**6), FACTORS, st.integers(0, 2 * 10**6))
def test_long_runs_stay_between_floor_and_peak(total_steps: int, final_factor: float, step: int) -> None:
    schedule = cosine(total_steps=total_steps, final_factor=final_factor)
    assert final_factor <= schedule(step + 1) <= schedule(step) <= 1.0


@pytest.mark.parametrize("total_steps", [1, 2, 3, 10, 97])
@pytest.mark.parametrize("final_factor", [0.0, 0.1])
def test_torch_agrees_up_to_the_end(total_steps: int, final_factor: float) -> None:
    make = partial(CosineAnnealingLR, T_max=total_steps, eta_min=final_factor)
    schedule = cosine(total_steps=total_steps, final_factor=final_factor)
    ours = [schedule(step) for step in range(total_steps + 1)]
    assert ours == pytest.approx(torch_factors(make, total_steps + 1), abs=1e-9)


def test_torch_rises_after_the_end_and_we_do_not() -> None:
    theirs = torch_factors(partial(CosineAnnealingLR, T_max=6), 9)
    assert theirs[7:] == pytest.approx([0.067, 0.25], abs=5e-4)
    assert [cosine(total_steps=6)(step) for step in (6, 7, 8)] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("total_steps", [1, 2, 3, 10, 97])
@pytest.mark.parametrize("final_factor", [0.0, 0.1])
def test_timm_agrees_past_the_end_too(total_steps: int, final_factor: float) -> None:
    make = partial(CosineLRScheduler, t_initial=total_steps, lr_min=final_factor, t_in_epochs=False)
    schedule = cosine(total_steps=total_steps, final_factor=final_factor)
    ours = [schedule(step) for step in range(total_steps + 5)]
    assert ours == pytest.approx(timm_factors(make, total_steps + 5), abs=1e-12)


def test_the_factor_falls_from_one_to_the_floor() -> None:
    assert [cosine_factor(share, 0.5) for share in (0.0, 0.5, 1.0)] == [1.0, 0.75, 0.5]


def test_the_spec_runs_from_the_end_of_warmup_to_the_end_of_the_run() -> None:
    schedule = Cosine(final_factor=0.5).build(Horizon(total_steps=12), warmup_steps=2)
    assert [schedule(step) for step in (0, 5, 10, 11)] == [1.0, 0.75, 0.5, 0.5]


def test_the_description_counts_from_the_start_of_the_run() -> None:
    text = "Cosine: x1 at step 2, curving to x0.01 at step 12, the end of the run"
    assert Cosine(final_factor=0.01).describe(Horizon(total_steps=12), warmup_steps=2) == text


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(cosine(total_steps=2)))(1) == 0.5


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.cosine: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        cosine(total_steps=3)(step)


@pytest.mark.parametrize(("total_steps", "error"), [(0, ValueError), (-3, ValueError), (3.0, TypeError)])
def test_a_total_that_does_not_count_is_refused(total_steps: int, error: type[Exception]) -> None:
    text = f"schedules.cosine: total_steps must be a positive integer, got {total_steps!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        cosine(total_steps=total_steps)


@pytest.mark.parametrize("final_factor", [-0.1, 1.1])
def test_a_floor_outside_the_range_is_refused(final_factor: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^schedules\.cosine: final_factor must be a number in \[0, 1\], got {final_factor}\.$"
    ):
        cosine(total_steps=3, final_factor=final_factor)
    with pytest.raises(ValueError, match=rf"^Cosine: final_factor must be a number in \[0, 1\], got {final_factor}\.$"):
        Cosine(final_factor=final_factor)


def test_a_run_of_unknown_length_is_refused() -> None:
    for act in (Cosine().build, Cosine().describe):
        with pytest.raises(UnknownTotalError, match=r"^Cosine: the run must have a known number of steps"):
            act(Horizon(total_steps=None, epoch_ends=(10,)))
