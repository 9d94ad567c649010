"""Points in order, their best, and fewer of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.report import Point, Series, best_point, in_order, thinned

LENGTHS = st.integers(1, 60)


def counting(length: int) -> Series:
    return Series(tuple(range(length)), tuple(float(value) for value in range(length)))


def test_a_series_holds_one_value_for_each_step() -> None:
    with pytest.raises(ValueError, match=r"^report\.Series: values must be one for each of 2 steps, got 1\.$"):
        Series((1, 2), (0.5,))


@pytest.mark.parametrize("steps", [(2, 1), (1, 1)])
def test_steps_rise(steps: tuple[int, ...]) -> None:
    message = rf"^report\.Series: steps must rise, so come after {steps[0]}, got {steps[1]}\.$"
    with pytest.raises(ValueError, match=message):
        Series(steps, (0.5, 0.5))


def test_finite_points_leave_out_what_is_not() -> None:
    series = Series((1, 2, 3, 4), (math.inf, 0.5, math.nan, -0.5))
    assert series.finite == (Point(2, 0.5), Point(4, -0.5))


def test_a_resumed_run_replaces_what_it_repeats() -> None:
    written = [(10, 1.0), (20, 2.0), (30, 3.0), (40, 4.0), (20, 5.0), (30, 6.0)]
    assert in_order(written) == Series((10, 20, 30), (1.0, 5.0, 6.0))


def test_a_run_that_starts_anew_leaves_nothing_of_the_old_one() -> None:
    assert in_order([(5, 1.0), (6, 2.0), (0, 3.0)]) == Series((0,), (3.0,))


def test_no_points_are_an_empty_series() -> None:
    assert in_order([]) == Series((), ())


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1))))
def test_the_last_point_written_is_always_the_last(points: list[tuple[int, float]]) -> None:
    series = in_order(points)
    assert list(zip(series.steps, series.values, strict=True))[-1:] == points[-1:]
    assert set(series.steps) <= {step for step, _ in points}


def test_rising_points_all_stay() -> None:
    points = [(step, step / 8) for step in range(9)]
    assert list(zip(*(vars(in_order(points))[name] for name in ("steps", "values")), strict=True)) == points


@pytest.mark.parametrize(("mode", "best"), [("min", Point(3, -1.0)), ("max", Point(2, 4.0))])
def test_the_first_of_equal_best_values_counts(mode: str, best: Point) -> None:
    series = Series((1, 2, 3, 4, 5, 6), (math.nan, 4.0, -1.0, 4.0, -1.0, math.inf))
    assert best_point(series, mode) == best


def test_nothing_finite_has_no_best() -> None:
    assert best_point(Series((1,), (math.nan,)), "max") is None


def test_a_short_series_stays_itself() -> None:
    series = counting(7)
    assert thinned(series, 7) is series
    assert thinned(Series((), ()), 1) == Series((), ())


@given(LENGTHS, LENGTHS)
def test_thinning_is_the_mean_of_consecutive_points(length: int, limit: int) -> None:
    thin = thinned(counting(length), limit)
    every = min(each for each in range(1, length + 1) if math.ceil(length / each) <= limit)
    expected: list[tuple[int, float]] = []
    for start in range(0, length, every):  # the slow way
        part = [float(value) for value in range(start, length)][:every]
        expected.append((int(part[-1]), sum(part) / len(part)))
    assert list(zip(thin.steps, thin.values, strict=True)) == expected
    assert len(thin.steps) <= limit
    assert thin.steps[-1] == length - 1


def test_thinning_does_not_hide_what_diverged() -> None:
    thin = thinned(Series((1, 2, 3, 4), (1.0, math.nan, 1.0, 3.0)), 2)
    assert math.isnan(thin.values[0])
    assert thin.values[1] == 2.0


def test_a_limit_is_a_positive_integer() -> None:
    with pytest.raises(ValueError, match=r"^report\.thinned: limit must be a positive integer, got 0\.$"):
        thinned(counting(3), 0)
