"""The debiased exponential average, against its sum written out and against pandas."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.report import smooth

WEIGHTS = st.floats(0, 0.99)
VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


def written_out(values: list[float], weight: float) -> list[float]:
    """Sum over the past, each value by its weight: no recursion, no bias to correct."""
    smoothed = []
    for end in range(1, len(values) + 1):
        weights = [weight ** (end - 1 - at) for at in range(end)]
        smoothed.append(sum(w * x for w, x in zip(weights, values[:end], strict=True)) / sum(weights))
    return smoothed


def test_worked_by_hand() -> None:
    assert smooth([4.0, 0.0, 8.0], 0.5) == pytest.approx((4.0, 4 / 3, 36 / 7))


@given(VALUES, WEIGHTS)
def test_it_is_the_weighted_mean_of_the_past(values: list[float], weight: float) -> None:
    assert smooth(values, weight) == pytest.approx(written_out(values, weight), rel=1e-9, abs=1e-9)


@given(VALUES, WEIGHTS)
def test_it_stays_within_what_it_averages(values: list[float], weight: float) -> None:
    for end, value in enumerate(smooth(values, weight), start=1):
        assert min(values[:end]) - 1e-9 <= value <= max(values[:end]) + 1e-9


def test_the_first_value_is_not_pulled_to_zero() -> None:
    assert smooth([7.0], 0.99) == pytest.approx((7.0,))


def test_no_weight_changes_nothing() -> None:
    assert smooth([1.0, -2.0, 0.5], 0) == (1.0, -2.0, 0.5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_gap_that_moves_nothing(bad: float) -> None:
    gap, with_gap = smooth([bad], 0.5)[0], smooth([1.0, bad, 0.0], 0.5)
    assert repr(gap) == repr(bad) == repr(with_gap[1])
    assert (with_gap[0], with_gap[2]) == smooth([1.0, 0.0], 0.5)


@pytest.mark.parametrize("weight", [0.1, 0.6, 0.95])
def test_as_pandas(weight: float) -> None:
    pandas = pytest.importorskip("pandas")
    values = [math.sin(step) * step for step in range(50)]
    values[20] = math.nan
    expected = pandas.Series(values).ewm(alpha=1 - weight, adjust=True, ignore_na=True).mean()
    found = smooth(values, weight)
    assert math.isnan(found[20])
    assert [*found[:20], *found[21:]] == pytest.approx([*expected[:20], *expected[21:]])


@pytest.mark.parametrize(
    ("weight", "condition"), [(1, "be below 1"), (1.5, r"be a number in \[0, 1\]"), (-0.1, r"be a number in \[0, 1\]")]
)
def test_weights_outside_are_refused(weight: float, condition: str) -> None:
    with pytest.raises(ValueError, match=rf"^report\.smooth: weight must {condition}, got {weight}\.$"):
        smooth([1.0], weight)


def test_a_text_is_no_weight() -> None:
    with pytest.raises(TypeError, match=r"^report\.smooth: weight must be a number in \[0, 1\], got '0\.5'\.$"):
        smooth([1.0], "0.5")
