"""Warmup in front of anything: worked tables, the peak reached exactly, torch's LinearLR, timm's warmup_prefix."""

import pickle
import re
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timm.scheduler.cosine_lr import CosineLRScheduler
from torch.optim.lr_scheduler import LinearLR

from lightning_regkit.schedules import Cosine, Schedule, constant, cosine, linear, milestones, with_warmup
from tests.schedules.references import timm_factors, torch_factors

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEDULES = [constant(), linear(total_steps=7), cosine(total_steps=7, final_factor=0.1), milestones([3, 5])]
STARTS = st.none() | st.floats(0, 1)


@pytest.mark.parametrize(
    ("warmup_steps", "start_factor", "table"),
    [
        (1, None, [1.0, 1.0, 0.5, 0.0, 0.0]),
        (1, 0.0, [0.0, 1.0, 0.5, 0.0, 0.0]),
        (2, None, [0.5, 0.75, 1.0, 0.5, 0.0, 0.0]),
        (2, 0.0, [0.0, 0.5, 1.0, 0.5, 0.0, 0.0]),
        (2, 1.0, [1.0, 1.0, 1.0, 0.5, 0.0, 0.0]),
        (3, None, [1 / 3, 5 / 9, 7 / 9, 1.0, 0.5, 0.0, 0.0]),
        (4, 0.2, [0.2, 0.4, 0.6, 0.8, 1.0, 0.5, 0.0, 0.0]),
        (10, None, [0.1, 0.19, 0.28, 0.37, 0.46, 0.55, 0.64, 0.73, 0.82, 0.91, 1.0, 0.5, 0.0]),
    ],
)
def test_worked_tables(warmup_steps: int, start_factor: float | None, table: list[float]) -> None:
    schedule = with_warmup(linear(total_steps=2), warmup_steps=warmup_steps, start_factor=start_factor)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-15)


@given(st.sampled_from(SCHEDULES), st.integers(1, 300), STARTS)
def test_it_rises_to_the_peak_which_is_reached_exactly(
    schedule: Schedule, warmup_steps: int, start_factor: float | None
) -> None:
    warmed = with_warmup(schedule, warmup_steps=warmup_steps, start_factor=start_factor)
    factors = [warmed(step) for step in range(warmup_steps + 1)]
    assert factors[0] == (1 / warmup_steps if start_factor is None else start_factor)
    assert all(earlier <= later <= 1.0 for earlier, later in pairwise(factors))
    assert factors[-1] == 1.0


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup_steps", [1, 2, 3, 10])
def test_what_follows_runs_on_its_own_clock(schedule: Schedule, warmup_steps: int) -> None:
    warmed = with_warmup(schedule, warmup_steps=warmup_steps)
    assert [warmed(warmup_steps + step) for step in range(12)] == [schedule(step) for step in range(12)]


def test_the_rise_ends_where_it_is_told() -> None:
    schedule = with_warmup(milestones([1], gamma=0.5), warmup_steps=4, start_factor=0.0, peak=0.5)
    assert [schedule(step) for step in range(4)] == [0.0, 0.125, 0.25, 0.375]
    level = with_warmup(constant(), warmup_steps=2, peak=0.0)
    assert [level(step) for step in range(3)] == [0.0, 0.0, 1.0]
    with pytest.raises(ValueError, match=r"^schedules\.with_warmup: peak must be a number of at least 0, got -1\.0\.$"):
        with_warmup(constant(), warmup_steps=2, peak=-1.0)


def test_no_warmup_is_the_schedule_itself() -> None:
    schedule = cosine(total_steps=3)
    assert with_warmup(schedule, warmup_steps=0) is schedule


@pytest.mark.parametrize("warmup_steps", [1, 2, 3, 50])
@pytest.mark.parametrize("start_factor", [0.01, 0.5])
def test_torch_linear_agrees(warmup_steps: int, start_factor: float) -> None:
    make = partial(LinearLR, start_factor=start_factor, total_iters=warmup_steps)
    schedule = with_warmup(constant(), warmup_steps=warmup_steps, start_factor=start_factor)
    ours = [schedule(step) for step in range(warmup_steps + 5)]
    assert ours == pytest.approx(torch_factors(make, warmup_steps + 5), abs=1e-12)


@pytest.mark.parametrize(("total_steps", "warmup_steps"), [(1, 1), (10, 3), (97, 20)])
@pytest.mark.parametrize("start_factor", [0.0, 0.01])
def test_timm_with_prefix_agrees(total_steps: int, warmup_steps: int, start_factor: float) -> None:
    make = partial(
        CosineLRScheduler,
        t_initial=total_steps,
        lr_min=0.1,
        warmup_t=warmup_steps,
        warmup_lr_init=start_factor,
        warmup_prefix=True,
        t_in_epochs=False,
    )
    fall = cosine(total_steps=total_steps, final_factor=0.1)
    schedule = with_warmup(fall, warmup_steps=warmup_steps, start_factor=start_factor)
    count = total_steps + warmup_steps + 3
    assert [schedule(step) for step in range(count)] == pytest.approx(timm_factors(make, count), abs=1e-12)


def test_warmups_nest_and_survive_pickling() -> None:
    schedule = with_warmup(with_warmup(linear(total_steps=2), warmup_steps=2), warmup_steps=1, start_factor=0.0)
    copy = pickle.loads(pickle.dumps(schedule))
    assert [copy(step) for step in range(6)] == [0.0, 0.5, 0.75, 1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"warmup_steps": -1}, ValueError, "warmup_steps must be an integer of at least 0, got -1."),
        ({"warmup_steps": 0.5}, TypeError, "warmup_steps must be an integer of at least 0, got 0.5."),
        ({"warmup_steps": "5ep"}, TypeError, "warmup_steps must be an integer of at least 0, got '5ep'."),
        ({"start_factor": -0.1}, ValueError, "start_factor must be a number in [0, 1], got -0.1."),
        ({"start_factor": 1.1, "warmup_steps": 0}, ValueError, "start_factor must be a number in [0, 1], got 1.1."),
        (
            {"schedule": Cosine()},
            TypeError,
            "schedule must be a function of the step, got Cosine(final_factor=0.0). "
            "A spec becomes one by compose(spec, horizon).",
        ),
    ],
)
def test_what_is_refused(arguments: dict[str, object], error: type[Exception], text: str) -> None:
    build: Callable[..., Schedule] = with_warmup
    with pytest.raises(error, match=f"^{re.escape(f'schedules.with_warmup: {text}')}$"):
        build(**{"schedule": constant(), "warmup_steps": 3, **arguments})


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.with_warmup: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        with_warmup(constant(), warmup_steps=3)(step)
