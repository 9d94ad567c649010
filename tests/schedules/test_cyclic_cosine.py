"""Cosine cycles: worked tables, cycle ends on the floor, torch's warm restarts, and where Huang et al. differ."""

import math
import pickle
import re
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import CyclicCosine, Horizon, cosine, cyclic_cosine
from tests.schedules.references import torch_factors


def huang(total_steps: int, num_cycles: int) -> list[float]:
    """Equation 2 with base rate 1, for t = 1 ... T."""
    cycle = math.ceil(total_steps / num_cycles)
    return [(math.cos(math.pi * ((t - 1) % cycle) / cycle) + 1) / 2 for t in range(1, total_steps + 1)]


def bounds(total_steps: int, num_cycles: int) -> list[int]:
    return [math.floor(i * total_steps / num_cycles + 0.5) for i in range(num_cycles + 1)]


@pytest.mark.parametrize(
    ("total_steps", "num_cycles", "final_factor", "table"),
    [
        (1, 1, 0.0, [1.0, 0.0, 0.0]),
        (2, 1, 0.0, [1.0, 0.0, 0.0, 0.0]),
        (2, 2, 0.0, [1.0, 1.0, 0.0, 0.0]),
        (3, 1, 0.0, [1.0, 0.5, 0.0, 0.0]),
        (3, 2, 0.0, [1.0, 0.0, 1.0, 0.0]),
        (3, 3, 0.5, [1.0, 1.0, 1.0, 0.5, 0.5]),
        (4, 1, 0.2, [1.0, 0.8, 0.4, 0.2, 0.2]),
        (10, 2, 0.0, [1.0, 0.853553, 0.5, 0.146447, 0.0] * 2 + [0.0, 0.0]),
        (10, 3, 0.0, [1.0, 0.5, 0.0, 1.0, 0.75, 0.25, 0.0, 1.0, 0.5, 0.0, 0.0]),
        (10, 4, 0.1, [1.0, 0.55, 0.1, 1.0, 0.1, 1.0, 0.55, 0.1, 1.0, 0.1, 0.1]),
    ],
)
def test_worked_tables(total_steps: int, num_cycles: int, final_factor: float, table: list[float]) -> None:
    schedule = cyclic_cosine(total_steps=total_steps, num_cycles=num_cycles, final_factor=final_factor)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-6)


SIZES = st.integers(1, 300).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total)))


@given(SIZES, st.floats(0, 1))
def test_cycles_start_at_one_never_rise_and_end_on_the_floor_exactly(
    sizes: tuple[int, int], final_factor: float
) -> None:
    total_steps, num_cycles = sizes
    schedule = cyclic_cosine(total_steps=total_steps, num_cycles=num_cycles, final_factor=final_factor)
    for start, end in pairwise(bounds(total_steps, num_cycles)):
        factors = [schedule(step) for step in range(start, end)]
        assert factors[0] == 1.0
        assert all(later <= earlier for earlier, later in pairwise(factors))
        assert factors[-1] == (final_factor if end - start > 1 else 1.0)
    assert [schedule(total_steps + past) for past in range(3)] == [final_factor] * 3


@given(SIZES)
def test_lengths_differ_by_at_most_a_step(sizes: tuple[int, int]) -> None:
    total_steps, num_cycles = sizes
    schedule = cyclic_cosine(total_steps=total_steps, num_cycles=num_cycles, final_factor=0.5)
    starts = [step for step in range(total_steps) if schedule(step) == 1.0]
    lengths = {end - start for start, end in pairwise([*starts, total_steps])}
    assert len(starts) == num_cycles
    assert max(lengths) - min(lengths) <= 1


def test_one_cycle_is_a_cosine_that_is_over_a_step_sooner() -> None:
    cycle, fall = cyclic_cosine(total_steps=50, num_cycles=1), cosine(total_steps=49)
    assert [cycle(step) for step in range(60)] == [fall(step) for step in range(60)]


@pytest.mark.parametrize(("steps_per_cycle", "num_cycles"), [(2, 3), (5, 4), (40, 2)])
def test_huang_and_torch_restart_a_step_before_the_floor_that_each_of_our_cycles_adds(
    steps_per_cycle: int, num_cycles: int
) -> None:
    total_steps = steps_per_cycle * num_cycles
    schedule = cyclic_cosine(total_steps=total_steps, num_cycles=num_cycles)
    without_floor = [schedule(step) for step in range(total_steps) if (step + 1) % steps_per_cycle]
    assert without_floor == pytest.approx(huang(total_steps - num_cycles, num_cycles), abs=1e-12)
    make = partial(CosineAnnealingWarmRestarts, T_0=steps_per_cycle - 1)
    assert without_floor == pytest.approx(torch_factors(make, total_steps - num_cycles), abs=1e-12)


def test_huang_ends_the_run_above_the_floor_where_cycles_do_not_divide_it() -> None:
    assert huang(10, 3)[-1] == pytest.approx(0.853553, abs=1e-6)  # cycles of 4, 4 and 2 steps
    assert cyclic_cosine(total_steps=10, num_cycles=3)(9) == 0.0


def test_the_spec_runs_from_the_end_of_warmup_to_the_end_of_the_run() -> None:
    schedule = CyclicCosine(num_cycles=2, final_factor=0.1).build(Horizon(total_steps=8), warmup_steps=2)
    assert [schedule(step) for step in range(7)] == pytest.approx([1.0, 0.55, 0.1, 1.0, 0.55, 0.1, 0.1])


def test_the_description_counts_from_the_start_of_the_run() -> None:
    spec, horizon = CyclicCosine(num_cycles=2, final_factor=0.1), Horizon(total_steps=8)
    text = "CyclicCosine: x1 at steps 2, 5; x0.1 at steps 4, 7, the ends of cycles"
    assert spec.describe(horizon, warmup_steps=2) == text


def test_cycles_of_one_step_are_described_without_a_floor() -> None:
    assert CyclicCosine(num_cycles=2).describe(Horizon(total_steps=2)) == "CyclicCosine: x1 at steps 0, 1"


def test_there_are_five_cycles_by_default() -> None:
    assert CyclicCosine() == CyclicCosine(num_cycles=5, final_factor=0.0)


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(cyclic_cosine(total_steps=6, num_cycles=2)))(4) == 0.5


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.cyclic_cosine: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        cyclic_cosine(total_steps=3, num_cycles=1)(step)


@pytest.mark.parametrize("argument", ["total_steps", "num_cycles"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-3, ValueError), (3.0, TypeError)])
def test_a_number_that_does_not_count_is_refused(argument: str, value: int, error: type[Exception]) -> None:
    sizes = {"total_steps": 10, "num_cycles": 2, argument: value}
    text = f"schedules.cyclic_cosine: {argument} must be a positive integer, got {value!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        cyclic_cosine(**sizes)


def test_the_spec_refuses_what_it_can_when_it_is_made() -> None:
    with pytest.raises(ValueError, match=r"^CyclicCosine: num_cycles must be a positive integer, got 0\.$"):
        CyclicCosine(num_cycles=0)
    with pytest.raises(ValueError, match=r"^CyclicCosine: final_factor must be a number in \[0, 1\], got -1\.$"):
        CyclicCosine(final_factor=-1)
    with pytest.raises(
        ValueError, match=r"^schedules\.cyclic_cosine: final_factor must be a number in \[0, 1\], got 2\.$"
    ):
        cyclic_cosine(total_steps=4, num_cycles=2, final_factor=2)


def test_more_cycles_than_steps_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^schedules\.cyclic_cosine: num_cycles must be at most total_steps, 4, got 5\.$"
    ):
        cyclic_cosine(total_steps=4, num_cycles=5)
    for act in (CyclicCosine().build, CyclicCosine().describe):
        with pytest.raises(
            ValueError, match=r"^CyclicCosine: num_cycles must be at most the 4 steps after the warmup, got 5\.$"
        ):
            act(Horizon(total_steps=6), 2)


def test_a_run_of_unknown_length_is_refused() -> None:
    for act in (CyclicCosine().build, CyclicCosine().describe):
        with pytest.raises(UnknownTotalError, match=r"^CyclicCosine: the run must have a known number of steps"):
            act(Horizon(total_steps=None, epoch_ends=(10,)))
