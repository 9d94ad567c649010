"""One cycle planned from step times, against hand-worked values, a slow clock and the cycles of a counted run."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.ensemble import cycle_ends
from lightning_regkit.ensemble._timed import Reading, TimedCycle, cycle_factor, plan_cycle, steps_in_time
from lightning_regkit.schedules import cyclic_cosine


@given(st.integers(2, 300))
def test_a_whole_cycle_is_that_of_the_counted_schedule(length: int) -> None:
    schedule = cyclic_cosine(total_steps=length, num_cycles=1)
    cycle = TimedCycle(start=7, step=7, left=length)
    factors = [cycle_factor(cycle.progress_at(7 + offset)) for offset in range(length + 2)]
    assert factors == pytest.approx([schedule(offset) for offset in range(length + 2)], abs=1e-12)
    assert factors[0] == 1
    assert factors[length - 1 :] == [0, 0, 0]
    assert all(after <= before for before, after in pairwise(factors))


def test_worked_values_of_the_progress() -> None:
    cycle = TimedCycle(start=0, step=10, progress=0.5, left=6)
    assert cycle.end == 16
    assert [cycle.progress_at(step) for step in (8, 10, 11, 14, 15, 16)] == pytest.approx([0.5, 0.5, 0.6, 0.9, 1, 1])
    assert TimedCycle(0, 4, 0.25, 1).progress_at(4) == 1, "the only step that is left is on the floor"


def test_without_a_known_end_nothing_moves() -> None:
    cycle = TimedCycle(start=0, step=0, progress=0.25)
    assert cycle.end is None
    assert [cycle.progress_at(step) for step in (0, 1, 1000)] == [0.25] * 3


@pytest.mark.parametrize(
    ("first", "now", "limit_s", "expected"),
    [
        ((1, 5.0), (11, 25.0), 100.0, 37),  # 2 s a step, 100 - 2 - 25 = 73 s
        ((0, 0.0), (1, 0.5), 100.0, 197),  # 1 s is kept: 98.5 s
        ((0, 0.0), (1, 1.0), 100_000.0, 99_939),  # a minute
        ((0, 0.0), (1, 100.0), 1000.0, 8),  # a step
        ((0, 0.0), (4, 10.0), 20.0, 3),  # 7.5 s of 2.5 s each
        ((0, 0.0), (4, 10.0), 18.75, 3),  # 2.5 steps: halves go up
        ((0, 0.0), (4, 10.0), 18.7, 2),
        ((0, 0.0), (10, 99.0), 100.0, 0),
        ((0, 0.0), (10, 300.0), 100.0, 0),
        ((3, 1.0), (3, 1.0), 100.0, None),
        ((3, 1.0), (3, 9.0), 100.0, None),  # time passed, no step was made
        ((3, 1.0), (9, 1.0), 100.0, None),  # steps were made, no time passed
        ((3, 1.0), (9, 0.5), 100.0, None),
    ],
)
def test_worked_numbers_of_steps(
    first: tuple[int, float], now: tuple[int, float], limit_s: float, expected: int | None
) -> None:
    assert steps_in_time(Reading(*first), Reading(*now), limit_s) == expected


@given(st.floats(0.5, 10), st.integers(1, 50), st.floats(100, 500))
def test_so_many_steps_do_end_before_the_limit(step_s: float, done: int, limit_s: float) -> None:
    found = steps_in_time(Reading(0, 0.0), Reading(done, done * step_s), limit_s)
    assert found is not None
    elapsed_s, count = done * step_s, 0
    while elapsed_s + step_s < limit_s - min(limit_s / 100, 60):
        elapsed_s, count = elapsed_s + step_s, count + 1
    assert count - 2 <= found <= count + 1, "one is kept, and one may be rounded"
    assert (done + found) * step_s < limit_s or found == 0


@pytest.mark.parametrize(
    ("limit_s", "kind", "text"),
    [
        (0, ValueError, "ensemble.steps_in_time: limit_s must be a positive number, got 0."),
        ("1", TypeError, "ensemble.steps_in_time: limit_s must be a positive number, got '1'."),
    ],
)
def test_a_limit_that_is_none(limit_s: float, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        steps_in_time(Reading(0, 0.0), Reading(1, 1.0), limit_s)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("cycle", "step", "steps_left", "cycles_left", "expected"),
    [
        (TimedCycle(0, 0), 0, 20, 4, TimedCycle(0, 0, 0.0, 5)),
        (TimedCycle(0, 0), 2, 8, 1, TimedCycle(0, 2, 2 / 9, 8)),  # the share that is done: all 10 are a straight line
        (TimedCycle(0, 0, 0.0, 10), 2, 8, 1, TimedCycle(0, 2, 2 / 9, 8)),
        (TimedCycle(0, 0, 0.0, 10), 5, 10, 1, TimedCycle(0, 5, 5 / 9, 10)),  # longer than thought: never back
        (TimedCycle(0, 0, 0.0, 10), 5, 2, 1, TimedCycle(0, 5, 5 / 6, 2)),  # shorter: ahead
        (TimedCycle(10, 10, 0.0, 10), 14, 6, 2, TimedCycle(10, 14, 1.0, 1)),  # two cycles of 5: one step is left
        (TimedCycle(10, 10, 0.0, 10), 14, 0, 1, TimedCycle(10, 14, 1.0, 1)),  # no time: the last step
        (TimedCycle(10, 10), 10, 0, 1, TimedCycle(10, 10, 0.0, 2)),  # a cycle that begins moves the weights once
        (TimedCycle(0, 0), 0, 7, 2, TimedCycle(0, 0, 0.0, 4)),  # 3.5 goes up
    ],
)
def test_worked_plans(cycle: TimedCycle, step: int, steps_left: int, cycles_left: int, expected: TimedCycle) -> None:
    assert plan_cycle(cycle, step, steps_left=steps_left, cycles_left=cycles_left) == expected


@given(st.integers(1, 12), st.data())
def test_one_after_another_they_fill_the_run_and_differ_by_a_step_at_most(cycles: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(2 * cycles, 500))
    ends = [0]
    for left in range(cycles, 0, -1):
        cycle = plan_cycle(TimedCycle(ends[-1], ends[-1]), ends[-1], steps_left=total - ends[-1], cycles_left=left)
        assert cycle.end is not None
        ends.append(cycle.end)
    lengths = {after - before for before, after in pairwise(ends)}
    assert ends[-1] == total
    assert lengths <= {total // cycles, -(-total // cycles)}
    assert ends[1] == cycle_ends(total, cycles)[0]


@given(st.integers(1, 100), st.lists(st.tuples(st.integers(1, 20), st.integers(0, 300)), max_size=8))
def test_however_often_it_is_planned_anew_the_progress_never_falls(first: int, plans: list[tuple[int, int]]) -> None:
    cycle, step, before = plan_cycle(TimedCycle(0, 0), 0, steps_left=first, cycles_left=1), 0, 0.0
    for wait, steps_left in plans:
        for at in range(step, step + wait):
            assert before <= cycle.progress_at(at) <= 1
            before = cycle.progress_at(at)
        step += wait
        cycle = plan_cycle(cycle, step, steps_left=steps_left, cycles_left=1)
    assert cycle.end is not None
    assert cycle.progress_at(cycle.end - 1) == 1
    assert cycle.progress_at(step) >= before


@pytest.mark.parametrize(
    ("step", "cycles_left", "kind", "text"),
    [
        (5, 0, ValueError, "ensemble.plan_cycle: cycles_left must be a positive integer, got 0."),
        (5, 1.0, TypeError, "ensemble.plan_cycle: cycles_left must be a positive integer, got 1.0."),
        (4, 1, ValueError, "ensemble.plan_cycle: step must be at least 5, its start, got 4."),
    ],
)
def test_plans_that_are_none(step: int, cycles_left: int, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        plan_cycle(TimedCycle(5, 5), step, steps_left=10, cycles_left=cycles_left)
    assert str(refusal.value) == text
