"""Plans of runs whose number of steps is known."""

from typing import Any

import pytest

from lightning_regkit.callbacks._cycle_plans import CountedPlan, CyclePlan
from lightning_regkit.schedules import CyclicCosine, Horizon, compose
from tests.support import trainer


def test_a_counted_plan_is_its_ends_and_its_schedule() -> None:
    schedule = compose(CyclicCosine(3), Horizon(12))
    plan = CountedPlan((4, 8, 12), schedule)
    assert [step for step in range(14) if plan.is_end(step)] == [4, 8, 12]
    assert [step for step in range(14) if plan.is_between(step)] == [4, 8]
    assert [plan.factor(step) for step in range(14)] == [schedule(step) for step in range(14)]
    assert plan.describe() == "takes members after steps 4, 8, 12"


def test_nothing_changes_it() -> None:
    plan, run = CountedPlan((4, 8)), trainer()
    plan.begin(run, 5, [4], {"start": 4})
    plan.advance(run, 6)
    assert not plan.review(run, 6)
    assert plan.save() is None
    assert [step for step in range(9) if plan.is_end(step)] == [4, 8]
    assert plan.factor(3) == 1


class Counts:
    said = 0

    def report(self) -> None:
        self.said += 1


@pytest.mark.parametrize("is_driven", [True, False])
def test_the_clock_says_what_did_not_come(is_driven: bool) -> None:
    clock: Any = Counts()
    CountedPlan((4,)).report(clock, is_driven=is_driven)
    assert clock.said == 1


def test_a_plan_is_made_by_a_subclass() -> None:
    with pytest.raises(TypeError, match="abstract"):
        CyclePlan()  # type: ignore[abstract]
