"""Which plan a run gets, and the runs that get none."""

from typing import Any

import pytest

from lightning_regkit.callbacks._cycle_plans import CountedPlan
from lightning_regkit.callbacks._planned_cycles import plan_of
from lightning_regkit.callbacks._timed_plan import TimedPlan
from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import CyclicCosine, Horizon, compose
from tests.support import trainer

HOUR = {"max_time": "00:01:00:00"}


@pytest.mark.parametrize(
    ("options", "horizon", "kind"),
    [
        ({}, Horizon(12), CountedPlan),
        (HOUR, Horizon(12), TimedPlan),
        (HOUR, Horizon(None), TimedPlan),
    ],
)
def test_a_time_limit_decides(options: dict[str, Any], horizon: Horizon, kind: type) -> None:
    assert type(plan_of(trainer(**options), horizon, num_cycles=3, warmup=0, is_driven=True)) is kind


def test_the_rate_of_a_counted_run_is_the_cyclic_schedule_where_it_is_driven() -> None:
    horizon = Horizon(12, (3, 6, 9, 12))
    driven, left = (
        plan_of(trainer(), horizon, num_cycles=3, warmup="1ep", is_driven=is_driven) for is_driven in (True, False)
    )
    schedule = compose(CyclicCosine(3), horizon, warmup="1ep")
    assert [driven.factor(step) for step in range(13)] == [schedule(step) for step in range(13)]
    assert {left.factor(step) for step in range(13)} == {1}
    for plan in (driven, left):
        assert [step for step in range(13) if plan.is_end(step)] == [6, 9, 12]


@pytest.mark.parametrize(
    ("options", "horizon", "arguments", "kind", "text"),
    [
        (
            {},
            Horizon(None),
            {},
            UnknownTotalError,
            "SnapshotEnsemble: the run must have a known number of steps, got None. "
            "Pass max_steps= or max_time= to the Trainer, or max_epochs= with limit_train_batches=.",
        ),
        (
            HOUR,
            Horizon(None),
            {"warmup": "1ep"},
            UnknownTotalError,
            "SnapshotEnsemble: warmup must be in steps where the length of the epoch is unknown, got '1ep'. "
            "Write it such as '500step'; where the data has no length, the Trainer's limit_train_batches= gives one.",
        ),
        (
            HOUR,
            Horizon(12, (3,)),
            {"num_cycles": 6, "warmup": "1ep"},
            ValueError,
            "SnapshotEnsemble: num_cycles must be at most half of the 9 steps after the warmup, got 6. "
            "Where there is a time limit, a cycle has two steps or more.",
        ),
        (
            {},
            Horizon(12),
            {"num_cycles": 13},
            ValueError,
            "ensemble.cycle_ends: num_cycles must be at most the 12 steps after the warmup, got 13.",
        ),
    ],
)
def test_runs_without_a_plan(
    options: dict[str, Any], horizon: Horizon, arguments: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as refusal:
        plan_of(trainer(**options), horizon, **{"num_cycles": 3, "warmup": 0, "is_driven": False, **arguments})
    assert str(refusal.value) == text
