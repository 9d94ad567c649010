"""The longest cycle of a schedule, from its values alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    CyclicCosine,
    Horizon,
    Linear,
    Milestones,
    OneCycle,
    ScheduleSpec,
    Trapezoid,
    compose,
)
from lightning_regkit.stopping import StoppingRule, longest_cycle, patience_steps

HORIZON = Horizon(100, tuple(range(10, 101, 10)))


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([], None),
        ([1.0], None),
        ([1.0, 0.5, 0.0], None),
        ([0.2, 0.6, 1.0, 0.5, 0.0], None),
        ([1.0, 0.0, 1.0, 0.0, 0.0], 3),
        ([1.0, 0.5, 0.0, 1.0, 0.0], 3),
        ([1.0, 0.0, 0.5, 1.0, 0.0], 3),  # a rise of two steps is one
        ([1.0, 1.0, 0.0, 0.0, 1.0], 4),
    ],
)
def test_worked_values(factors: list[float], expected: int | None) -> None:
    assert longest_cycle(factors) == expected


@pytest.mark.parametrize(
    ("spec", "warmup", "expected"),
    [
        (CyclicCosine(5), 0, 20),
        (CyclicCosine(3), 0, 34),
        (CyclicCosine(2), 20, 60),  # the first includes its warmup
        (CosineRestarts("5ep", cycle_mult=1), 0, 50),
        (CosineRestarts("1ep", cycle_mult=2), 0, 40),  # 10, 20, 40, and the 30 that are left
        (Cosine(), 10, None),
        (Linear(), 10, None),
        (Constant(), 10, None),
        (Milestones(["3ep"]), 10, None),
        (OneCycle(), 0, None),
        (Trapezoid(), 10, None),
    ],
)
def test_every_shape(spec: ScheduleSpec, warmup: int, expected: int | None) -> None:
    assert longest_cycle(map(compose(spec, HORIZON, warmup=warmup), range(100))) == expected


@given(st.lists(st.integers(2, 20), min_size=2, max_size=6))
def test_saw_teeth(lengths: list[int]) -> None:
    factors = [1 - step / length for length in lengths for step in range(length)]
    assert longest_cycle(factors) == max(lengths)


@pytest.mark.parametrize(
    ("patience", "horizon", "between", "expected"),
    [
        ("2ep", HORIZON, None, 20),
        ("0.25ep", HORIZON, None, 3),
        ("7step", Horizon(None), None, 7),
        ("2ep", Horizon(100), None, None),
        (3, HORIZON, 5, 15),
        (3, HORIZON, None, None),
    ],
)
def test_patience_in_steps(patience: Any, horizon: Horizon, between: int | None, expected: int | None) -> None:
    assert patience_steps(StoppingRule("max", patience), horizon, between) == expected
