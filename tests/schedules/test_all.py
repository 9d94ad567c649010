"""What every exported schedule keeps to; a schedule without a case here fails the first test."""

import dataclasses
import math
import pickle
from collections.abc import Callable
from itertools import pairwise

import pytest

from lightning_regkit import schedules
from lightning_regkit.schedules import Horizon, Schedule, ScheduleSpec, describe

TOTALS = [1, 2, 3, 7, 90]
OTHERS = {"Horizon", "Schedule", "ScheduleSpec", "compose", "describe", "plot", "simulate", "table", "with_warmup"}
PLATEAU = {"Plateau", "PlateauState", "observe_plateau"}  # waits for a metric, not for a step


@dataclasses.dataclass(frozen=True)
class Case:
    """One schedule for runs of any length: the function, the spec that says the same, and both its ends by hand."""

    function: Callable[[int], Schedule]
    spec: Callable[[int], ScheduleSpec]
    start: Callable[[int], float]
    end: Callable[[int], float]
    warmup: bool = True


def one(total: int) -> float:
    return 1.0


def tenth(total: int) -> float:
    return 0.1


def turn(total: int) -> int:
    """0.3 T to the nearest step; no half occurs among the totals."""
    return round(0.3 * total)


def part(total: int) -> int:
    """The length of a third, at least a step."""
    return max(1, total // 3)


def joined(total: int) -> Schedule:
    if total == 1:
        return schedules.join([schedules.constant()], [])
    first = schedules.linear(total_steps=1, final_factor=0.5)
    return schedules.join([first, schedules.cosine(total_steps=total - 1, final_factor=0.1)], [1])


def joined_spec(total: int) -> ScheduleSpec:
    if total == 1:
        return schedules.Join([schedules.Constant()], [])
    return schedules.Join([schedules.Linear(0.5), schedules.Cosine(0.1)], [1])


# The names that a case covers -> the case.
CASES = {
    ("constant", "Constant"): Case(lambda _: schedules.constant(), lambda _: schedules.Constant(), one, one),
    ("linear", "Linear"): Case(
        lambda total: schedules.linear(total_steps=total, final_factor=0.1),
        lambda _: schedules.Linear(0.1),
        one,
        tenth,
    ),
    ("cosine", "Cosine"): Case(
        lambda total: schedules.cosine(total_steps=total, final_factor=0.1),
        lambda _: schedules.Cosine(0.1),
        one,
        tenth,
    ),
    ("polynomial", "Polynomial"): Case(
        lambda total: schedules.polynomial(total_steps=total, power=2, final_factor=0.1),
        lambda _: schedules.Polynomial(2, 0.1),
        one,
        tenth,
    ),
    ("milestones", "Milestones"): Case(
        lambda total: schedules.milestones([total], gamma=0.2),
        lambda total: schedules.Milestones([total], 0.2),
        one,
        lambda _: 0.2,
    ),
    ("step_decay", "StepDecay"): Case(
        lambda total: schedules.step_decay(step_size=part(total), gamma=0.5),
        lambda total: schedules.StepDecay(part(total), 0.5),
        one,
        lambda total: 0.5 ** (total // part(total)),
        warmup=False,  # no step before the first drop would be left in the shortest runs
    ),
    ("exponential", "Exponential"): Case(
        lambda _: schedules.exponential(gamma=0.5, every=3),
        lambda _: schedules.Exponential(0.5, 3),
        one,
        lambda total: 0.5 ** (total / 3),
    ),
    ("inverse_sqrt", "InverseSqrt"): Case(
        lambda _: schedules.inverse_sqrt(timescale=4),
        lambda _: schedules.InverseSqrt(4),
        one,
        lambda total: (4 / (4 + total)) ** 0.5,
    ),
    ("cyclic_cosine", "CyclicCosine"): Case(
        lambda total: schedules.cyclic_cosine(total_steps=total, num_cycles=1, final_factor=0.1),
        lambda _: schedules.CyclicCosine(1, 0.1),
        one,
        tenth,
    ),
    ("cosine_restarts", "CosineRestarts"): Case(
        lambda total: schedules.cosine_restarts(total_steps=total, cycle_steps=1, peak_decay=0.9, final_factor=0.1),
        lambda _: schedules.CosineRestarts(1, peak_decay=0.9, final_factor=0.1),
        one,
        tenth,
    ),
    ("one_cycle", "OneCycle"): Case(
        lambda total: schedules.one_cycle(total_steps=total, turns=[turn(total)], final_factor=0.1),
        lambda _: schedules.OneCycle(final_factor=0.1),
        lambda total: 0.04 if turn(total) else 1.0,
        tenth,
        warmup=False,  # it has its own
    ),
    ("trapezoid", "Trapezoid"): Case(
        lambda total: schedules.trapezoid(total_steps=total, decay_steps=1, final_factor=0.1, shape="sqrt"),
        lambda _: schedules.Trapezoid(1, 0.1, "sqrt"),
        one,
        tenth,
    ),
    ("scaled", "Scaled"): Case(
        lambda total: schedules.scaled(schedules.linear(total_steps=total, final_factor=0.2), 0.5),
        lambda _: schedules.Scaled(schedules.Linear(0.2), 0.5),
        lambda _: 0.5,
        tenth,
    ),
    ("mirrored", "Mirrored"): Case(
        lambda total: schedules.mirrored(schedules.linear(total_steps=total, final_factor=0.2), 0.5),
        lambda _: schedules.Mirrored(schedules.Linear(0.2), 0.5),
        lambda _: 0.5,
        lambda _: 0.9,
    ),
    ("join", "Join"): Case(joined, joined_spec, one, lambda total: 1.0 if total == 1 else 0.1, warmup=False),
}
EVERY_CASE = pytest.mark.parametrize("case", CASES.values(), ids=[name for _, name in CASES])
EVERY_TOTAL = pytest.mark.parametrize("total", TOTALS)


def test_every_exported_name_has_a_case() -> None:
    assert {name for names in CASES for name in names} == set(schedules.__all__) - OTHERS - PLATEAU


def test_a_case_is_that_of_its_names() -> None:
    for (function, spec), case in CASES.items():
        assert type(case.spec(7)).__name__ == spec == "".join(word.title() for word in function.split("_"))


@EVERY_CASE
@EVERY_TOTAL
def test_factors_are_finite_between_zero_and_one_and_stay_after_the_end(case: Case, total: int) -> None:
    warmups = {0, 1, total // 2, total - 1} if case.warmup else {0}
    for warmup in warmups - {total}:
        schedule = case.spec(total).build(Horizon(total_steps=total), warmup)
        factors = [schedule(step) for step in range(total - warmup + 20)]
        assert all(math.isfinite(factor) and 0 <= factor <= 1 for factor in factors)
        assert {type(factor) for factor in factors} == {float}
        assert set(factors[total - warmup :]) == {schedule(10**9)}


@EVERY_CASE
@EVERY_TOTAL
def test_the_function_and_the_spec_agree_and_have_the_ends_of_the_table(case: Case, total: int) -> None:
    function, spec = case.function(total), case.spec(total).build(Horizon(total_steps=total))
    assert [function(step) for step in range(total + 1)] == [spec(step) for step in range(total + 1)]
    assert function(0) == case.start(total)
    assert function(total) == pytest.approx(case.end(total), rel=1e-12)


@EVERY_CASE
def test_after_a_warmup_a_schedule_begins_as_without_one(case: Case) -> None:
    for warmup in (1, 10) if case.warmup else ():
        assert case.spec(90).build(Horizon(total_steps=90), warmup)(0) == case.start(90)


@EVERY_CASE
@EVERY_TOTAL
def test_a_warmup_rises_to_where_the_schedule_starts_and_never_above(case: Case, total: int) -> None:
    for warmup in {1, total // 2, total - 1} - {0, total} if case.warmup else ():
        factors = schedules.simulate(case.spec(total), total_steps=total, warmup=warmup, start_factor=0.5)
        start = case.start(total)
        assert all(before < after <= start for before, after in pairwise(factors[: warmup + 1]))
        assert factors[warmup] == start


@EVERY_CASE
def test_a_run_that_knows_its_epochs_changes_nothing_said_in_steps(case: Case) -> None:
    known = Horizon(total_steps=90, epoch_ends=(10, 30, 90))
    ours, theirs = case.spec(90).build(known), case.spec(90).build(Horizon(total_steps=90))
    assert [ours(step) for step in range(100)] == [theirs(step) for step in range(100)]


@EVERY_CASE
def test_a_spec_is_a_value_that_its_repr_writes(case: Case) -> None:
    spec = case.spec(90)
    assert eval(repr(spec), vars(schedules).copy()) == spec == case.spec(90)
    assert hash(spec) == hash(case.spec(90))
    assert len({spec, case.spec(90)}) == 1
    for field in dataclasses.fields(spec):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(spec, field.name, None)


@EVERY_CASE
def test_schedules_and_specs_survive_pickling(case: Case) -> None:
    spec = pickle.loads(pickle.dumps(case.spec(90)))
    schedule = pickle.loads(pickle.dumps(spec.build(Horizon(total_steps=90))))
    assert spec == case.spec(90)
    assert [schedule(step) for step in (0, 45, 90)] == [case.function(90)(step) for step in (0, 45, 90)]


@EVERY_CASE
@EVERY_TOTAL
def test_the_plan_is_one_line_that_names_the_spec_and_the_end_of_warmup(case: Case, total: int) -> None:
    text = describe(case.spec(total), Horizon(total_steps=total))
    assert text.startswith(f"{type(case.spec(total)).__name__}: ")
    assert "\n" not in text
    if case.warmup:
        warmed = describe(case.spec(90), Horizon(total_steps=90), warmup="0.1run")
        assert warmed.startswith(f"linear warmup to step 9 (0.1run), then {type(case.spec(90)).__name__}: ")


@EVERY_CASE
@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError), (True, TypeError)])
def test_only_steps_are_steps(case: Case, step: int, error: type[Exception]) -> None:
    for schedule in (case.function(7), case.spec(7).build(Horizon(total_steps=7))):
        with pytest.raises(error, match=r"step must be an integer of at least 0, got "):
            schedule(step)


@EVERY_CASE
def test_a_warmup_that_fills_the_run_is_refused(case: Case) -> None:
    for warmup in (90, 91):
        with pytest.raises(ValueError, match=r"^ScheduleLR: warmup must be shorter than the run of 90 steps, got "):
            describe(case.spec(90), Horizon(total_steps=90), warmup=warmup)
