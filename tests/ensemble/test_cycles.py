"""Where cycles end, against hand-worked values and the schedule whose minima they are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.ensemble import cycle_ends
from lightning_regkit.schedules import CyclicCosine, Horizon, compose


@pytest.mark.parametrize(
    ("total", "cycles", "warmup", "ends"),
    [
        (20, 5, 0, (4, 8, 12, 16, 20)),
        (10, 3, 0, (3, 7, 10)),
        (7, 2, 0, (4, 7)),  # 3.5 goes up
        (1, 1, 0, (1,)),
        (5, 5, 0, (1, 2, 3, 4, 5)),
        (12, 2, 2, (7, 12)),
    ],
)
def test_worked_values(total: int, cycles: int, warmup: int, ends: tuple[int, ...]) -> None:
    assert cycle_ends(total, cycles, warmup) == ends


@given(st.integers(1, 400), st.data())
def test_cycles_fill_the_run_and_differ_by_a_step_at_most(total: int, data: st.DataObject) -> None:
    warmup = data.draw(st.integers(0, total - 1))
    cycles = data.draw(st.integers(1, total - warmup))
    ends = cycle_ends(total, cycles, warmup)
    lengths = [after - before for before, after in pairwise((warmup, *ends))]
    assert len(ends) == cycles
    assert ends[-1] == total
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) >= 1


@given(st.integers(6, 200), st.data())
def test_they_are_the_minima_of_the_cyclic_schedule(total: int, data: st.DataObject) -> None:
    warmup = data.draw(st.integers(0, total // 2))
    cycles = data.draw(st.integers(1, (total - warmup) // 2))
    schedule = compose(CyclicCosine(cycles), Horizon(total_steps=total), warmup=warmup)
    ends = cycle_ends(total, cycles, warmup)
    assert [step + 1 for step in range(total) if schedule(step) == 0 and step >= warmup] == list(ends)


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ((0, 1), ValueError, "ensemble.cycle_ends: total_steps must be a positive integer, got 0."),
        ((5, 0), ValueError, "ensemble.cycle_ends: num_cycles must be a positive integer, got 0."),
        ((5, 1.0), TypeError, "ensemble.cycle_ends: num_cycles must be a positive integer, got 1.0."),
        ((5, 1, -1), ValueError, "ensemble.cycle_ends: warmup_steps must be an integer of at least 0, got -1."),
        ((5, 4, 2), ValueError, "ensemble.cycle_ends: num_cycles must be at most the 3 steps after the warmup, got 4."),
    ],
)
def test_refusals(arguments: tuple[int, ...], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        cycle_ends(*arguments)
    assert str(refusal.value) == text
