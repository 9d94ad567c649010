"""The moving average: by hand, and its properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.tuning._smooth import smooth

series = st.lists(st.floats(-100, 100), max_size=30)


def test_by_hand() -> None:
    assert smooth([0.0, 3.0, 6.0, 0.0, 1.0], 2) == pytest.approx((0.0, 3.0, 2.0, 7 / 3, 1.0))


def test_a_value_that_is_not_finite_is_left_out() -> None:
    assert smooth([1.0, math.nan, 3.0], 1) == (1.0, 2.0, 3.0)
    assert smooth([math.inf, 1.0, 1.0], 1)[1] == 1.0
    assert math.isnan(smooth([math.inf, 1.0], 1)[0])


@given(series)
def test_no_reach_changes_nothing(values: list[float]) -> None:
    assert smooth(values, 0) == tuple(values)


@given(st.floats(-9, 9), st.floats(-9, 9), st.integers(0, 30), st.integers(0, 8))
def test_a_straight_line_stays(start: float, slope: float, count: int, reach: int) -> None:
    line = [start + slope * index for index in range(count)]
    assert smooth(line, reach) == pytest.approx(line)


@given(series, st.integers(0, 8))
def test_it_stays_in_the_range_and_has_no_direction(values: list[float], reach: int) -> None:
    smoothed = smooth(values, reach)
    assert all(min(values) - 1e-9 <= value <= max(values) + 1e-9 for value in smoothed)
    assert smooth(values[::-1], reach)[::-1] == pytest.approx(smoothed)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^tuning\.smooth: reach must be an integer of at least 0, got -1\.$"):
        smooth([1.0], -1)
    with pytest.raises(TypeError, match=r"^tuning\.smooth: reach must be an integer of at least 0, got 0\.5\.$"):
        smooth([1.0], 0.5)
