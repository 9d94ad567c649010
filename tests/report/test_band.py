"""Means and bands over runs, against numpy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.report import Series, band
from lightning_regkit.report._band import mean_and_spread

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=6)


@given(VALUES)
def test_mean_and_spread_are_numpys(values: list[float]) -> None:
    mean, spread = mean_and_spread(values)
    assert mean == pytest.approx(np.mean(values), abs=1e-9)
    assert spread == pytest.approx(np.std(values, ddof=1), abs=1e-9)


def test_one_value_has_no_spread() -> None:
    assert mean_and_spread([3.0]) == (3.0, 0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_not_averaged_away(bad: float) -> None:
    assert all(map(math.isnan, mean_and_spread([1.0, bad])))
    assert all(map(math.isnan, mean_and_spread([bad, -bad])))


def test_a_band_worked_by_hand() -> None:
    found = band([Series((1, 2), (1.0, 4.0)), Series((1, 2), (3.0, 4.0)), Series((1, 2), (5.0, 4.0))])
    assert found.mean == Series((1, 2), (3.0, 4.0))
    assert found.low == Series((1, 2), (1.0, 4.0))
    assert found.high == Series((1, 2), (5.0, 4.0))


def test_a_band_ends_where_the_first_run_ends() -> None:
    found = band([Series((1, 2, 3), (1.0, 1.0, 9.0)), Series((0, 1, 2), (9.0, 2.0, 2.0))])
    assert found.mean == Series((1, 2), (1.5, 1.5))
    runs = [Series((1, 2), (1.0, 1.0)), Series((2, 3), (2.0, 2.0)), Series((1, 2), (3.0, 3.0))]
    assert band(runs).mean == Series((2,), (2.0,))


def test_a_run_that_diverged_leaves_a_gap() -> None:
    found = band([Series((1, 2), (1.0, 1.0)), Series((1, 2), (math.nan, 3.0))])
    assert math.isnan(found.mean.values[0])
    assert math.isnan(found.low.values[0])
    assert math.isnan(found.high.values[0])
    assert found.mean.values[1] == 2.0


def test_runs_without_common_steps_have_an_empty_band() -> None:
    assert band([Series((1,), (1.0,)), Series((2,), (1.0,))]).mean == Series((), ())


def test_one_run_has_no_band() -> None:
    with pytest.raises(ValueError, match=r"^report\.band: runs must be at least two, got 1\.$"):
        band([Series((1,), (1.0,))])
