"""Whole runs with a time limit, against a slow simulation with a clock of its own and a Timer that stops it."""

import math
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.ensemble import cycle_ends
from lightning_regkit.ensemble._timed import Reading, TimedCycle
from lightning_regkit.ensemble._timed_run import TimedRun, timed_run
from lightning_regkit.schedules import Cosine, Horizon, compose, cyclic_cosine

#: Seconds of a step, by its number and the seconds so far.
Seconds = Callable[[int, float], float]


@dataclass
class Simulated:
    """What a training with a fake clock has seen; as Lightning, it looks at the limit after each step."""

    factors: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    elapsed_s: float = 0.0
    reads: int = 0
    reason: str = ""

    def cycles(self) -> list[list[float]]:
        return [self.factors[start:end] for start, end in pairwise([0, *self.ends])]


def simulate(run: TimedRun, seconds: Seconds, *, every: int = 0, pause_s: float = 0.0, until: int = 10**6) -> Simulated:
    """Train until all cycles have ended, or the time or the steps are over; a validation after ``every`` steps."""
    seen, run = Simulated(), run.begun(0)
    for step in range(1, until + 1):
        seen.factors.append(run.factor(step - 1))
        seen.elapsed_s += seconds(step - 1, seen.elapsed_s)
        if run.is_end(step):
            seen.ends.append(step)
        if run.is_due(step):
            run, seen.reads = run.read(Reading(step, seen.elapsed_s)), seen.reads + 1
        if run.is_over:
            return replace(seen, reason="over")
        if seen.elapsed_s >= run.limit_s:
            return replace(seen, reason="time")
        if every and step % every == 0:
            seen.elapsed_s += pause_s
            run, seen.reads = run.read(Reading(step, seen.elapsed_s)), seen.reads + 1
    return replace(seen, reason="steps")


def is_well_formed(seen: Simulated, warmup_steps: int = 0) -> bool:
    cycles = [cycle[warmup_steps * (index == 0) :] for index, cycle in enumerate(seen.cycles())]
    return all(
        cycle[0] == 1 and cycle[-1] == 0 and len(cycle) >= 2 and all(a >= b for a, b in pairwise(cycle))
        for cycle in cycles
    )


@given(
    st.integers(1, 8),
    st.sampled_from([0.125, 1.0, 60.0]),
    st.one_of(st.integers(40, 100), st.integers(2, 12).map(lambda hundreds: 100 * hundreds)),
    st.integers(0, 5),
)
def test_with_constant_times_it_is_the_counted_schedule(
    num_cycles: int, step_s: float, steps: int, warmup: int
) -> None:
    limit_s = steps * step_s
    total = steps - round(max(min(0.01 * limit_s, 60) / step_s, 1))
    seen = simulate(timed_run(num_cycles, limit_s, warmup_steps=warmup), lambda step, now: step_s)
    ends = cycle_ends(total, num_cycles, warmup)
    assert seen.reason == "over"
    assert seen.elapsed_s < limit_s
    assert seen.ends[-1] == total
    assert all(abs(end - other) <= 1 for end, other in zip(seen.ends, ends, strict=True))
    assert is_well_formed(seen, warmup)
    for index, (start, end) in enumerate(pairwise([warmup, *seen.ends])):
        cosine = cyclic_cosine(total_steps=end - start, num_cycles=1)
        # Until the second step nothing is measured.
        known = max(start, 2) if index == 0 else start
        expected = [cosine(step - start) for step in range(known, end)]
        assert seen.factors[known:end] == pytest.approx(expected, abs=1e-9)


def test_until_time_is_measured_the_rate_stays() -> None:
    seen = simulate(timed_run(2, 100.0), lambda step, now: 1.0)
    assert seen.factors[:2] == [1, 1]
    assert seen.factors[2] < 1


@given(st.integers(1, 6), st.integers(0, 10**6), st.floats(1, 1.5))
def test_with_unsteady_times_it_ends_at_a_minimum_before_the_limit(num_cycles: int, seed: int, most: float) -> None:
    limit_s, draw = 600.0, random.Random(seed)
    seen = simulate(timed_run(num_cycles, limit_s), lambda step, now: draw.uniform(1, most))
    assert seen.reason == "over"
    assert 0.97 * limit_s <= seen.elapsed_s < limit_s
    assert len(seen.ends) == num_cycles
    assert is_well_formed(seen)


@given(st.integers(1, 6), st.floats(0.3, 3))
def test_with_drifting_times_too(num_cycles: int, drift: float) -> None:
    limit_s = 1000.0
    seen = simulate(timed_run(num_cycles, limit_s), lambda step, now: drift ** (now / limit_s))
    assert seen.reason == "over"
    assert 0.97 * limit_s <= seen.elapsed_s < limit_s
    assert len(seen.ends) == num_cycles
    assert is_well_formed(seen)


@given(st.integers(1, 5), st.integers(5, 60), st.floats(0, 60))
def test_validations_are_spread_and_one_beyond_the_limit_leaves_a_last_step(
    num_cycles: int, every: int, pause_s: float
) -> None:
    limit_s = 2400.0
    seen = simulate(timed_run(num_cycles, limit_s), lambda step, now: 1.0, every=every, pause_s=pause_s)
    assert seen.reason == "over"
    assert seen.elapsed_s <= limit_s + pause_s + 1
    assert len(seen.ends) == num_cycles
    assert is_well_formed(seen)
    lengths = [len(cycle) for cycle in seen.cycles()]
    assert max(lengths) - min(lengths) <= 2 * every + 0.15 * max(lengths), "they share the time"


def test_a_slow_first_step_says_nothing_of_the_others() -> None:
    seen = simulate(timed_run(4, 1000.0), lambda step, now: 200.0 if step == 0 else 1.0)
    assert seen.ends == [198, 396, 594, 791]
    assert seen.elapsed_s == 990


def test_a_run_that_slows_down_for_good_reaches_its_minimum() -> None:
    seen = simulate(timed_run(3, 3000.0), lambda step, now: 1.0 if now < 2500 else 1.9)
    assert (seen.reason, len(seen.ends)) == ("over", 3)
    assert seen.elapsed_s < 3000


def test_steps_that_take_far_longer_than_any_before_are_cut_by_the_timer() -> None:
    seen = simulate(timed_run(3, 300.0), lambda step, now: 1.0 if now < 270 else 40.0)
    assert seen.reason == "time"
    assert len(seen.ends) == 2
    assert is_well_formed(seen)
    assert 0 < seen.factors[-1] < 0.2


@given(st.integers(1, 5), st.integers(0, 4), st.data())
def test_the_runs_own_bound_counts_where_it_comes_first(num_cycles: int, warmup: int, data: st.DataObject) -> None:
    bound = data.draw(st.integers(warmup + 2 * num_cycles, 200))
    run = timed_run(num_cycles, 1e6, warmup_steps=warmup, bound=bound)
    seen = simulate(run, lambda step, now: 1.0, until=bound)
    ends = cycle_ends(bound, num_cycles, warmup)
    assert seen.ends[-1] == bound
    assert all(abs(end - other) <= 1 for end, other in zip(seen.ends, ends, strict=True))
    assert is_well_formed(seen, warmup)


def test_the_clock_is_read_seldom() -> None:
    seen = simulate(timed_run(5, 36_000.0), lambda step, now: 0.5)
    assert (seen.reason, len(seen.factors)) == ("over", 71_880)
    a_cycle = 2 * math.log2(71_880)
    assert 20 < seen.reads < 5 * a_cycle


def test_a_warmup_is_not_part_of_the_first_cycle() -> None:
    run = timed_run(2, 100.0, warmup_steps=9)
    seen = simulate(run, lambda step, now: 1.0)
    assert seen.factors[:10] == [1] * 10, "what rises there is not its business"
    assert seen.ends == [54, 99]
    assert seen.reads < 25, "and it reads no clock there, but once"
    assert run.begun(0).read(Reading(1, 1.0)).read(Reading(2, 2.0)).cycle == TimedCycle(9, 9)


def test_a_resumed_run_goes_on_from_its_plan_until_time_is_measured_again() -> None:
    run = timed_run(2, 100.0).begun(0)
    for step in range(1, 31):
        run = run.read(Reading(step, float(step))) if run.is_due(step) else run
    saved, rate = asdict(run.cycle), run.factor(30)
    again = replace(timed_run(2, 100.0), cycle=TimedCycle(**saved)).begun(30)
    assert [again.factor(step) for step in range(30, 49)] == [run.factor(step) for step in range(30, 49)]
    again = again.read(Reading(31, 31.0))
    assert again.cycle == TimedCycle(**saved), "the first step takes no part"
    assert again.is_due(32)
    again = again.read(Reading(32, 32.5))  # 66 s for steps of 1.5 s: 32 done and 44 left are 38 in each cycle
    assert (again.cycle.start, again.cycle.end) == (0, 38)
    assert 0 < again.factor(32) < rate


def test_a_saved_plan_is_better_than_the_runs_own_bound() -> None:
    saved = TimedCycle(start=0, step=20, progress=0.5, left=20)
    run = replace(timed_run(2, 100.0, bound=10_000), cycle=saved).begun(30)
    assert run.cycle == saved
    assert run.read(Reading(31, 31.0)).cycle == saved


def test_the_last_step_of_a_saved_plan_ends_its_cycle() -> None:
    run = replace(timed_run(3, 100.0), cycle=TimedCycle(10, 15, 0.9, 3), ended=1).begun(17)
    assert run.factor(17) == 0
    assert run.is_end(18)
    run = run.read(Reading(18, 20.0))
    assert (run.ended, run.cycle, run.is_between(18)) == (2, TimedCycle(18, 18), True)
    assert run.read(Reading(19, 21.0)).cycle.left == 78  # to 99 s


def test_when_all_is_over_nothing_is_done() -> None:
    run = replace(timed_run(2, 100.0), cycle=TimedCycle(50, 50), ended=2).begun(50)
    assert run.is_over
    assert not run.is_due(51)
    assert not run.is_between(50)
    assert not run.is_end(51)
    seen = timed_run(1, 10.0).begun(0).read(Reading(1, 1.0)).read(Reading(2, 2.0))
    assert seen.cycle.end == 9
    over = seen.read(Reading(9, 9.0))
    assert over.is_over
    assert not over.is_end(9)
    assert [over.factor(step) for step in (9, 10, 100)] == [0, 0, 0], "should something hold the run back"


@given(st.integers(2, 100))
def test_one_cycle_is_a_cosine_of_the_whole_run(steps: int) -> None:
    seen = simulate(timed_run(1, 1e9, bound=steps), lambda step, now: 1.0, until=steps)
    whole = compose(Cosine(), Horizon(steps - 1))
    assert seen.factors == pytest.approx([whole(step) for step in range(steps)], abs=1e-9)


def test_too_many_cycles_are_refused() -> None:
    assert timed_run(3, 10.0, warmup_steps=2, bound=8).bound == 8
    with pytest.raises(ValueError, match="SnapshotEnsemble") as refusal:
        timed_run(3, 10.0, warmup_steps=2, bound=7)
    assert str(refusal.value) == (
        "SnapshotEnsemble: num_cycles must be at most half of the 5 steps after the warmup, got 3. "
        "Where there is a time limit, a cycle has two steps or more."
    )
