"""Ways down and through points: worked values, bounds, ends met exactly."""

import math
import re
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.schedules._shapes import FALLS, Shape, through

SHAPES = list(FALLS)

way = partial(through, owner="schedules.one_cycle")


@pytest.mark.parametrize(
    ("shape", "table"),
    [
        ("linear", [1.0, 0.75, 0.5, 0.25, 0.0]),
        ("sqrt", [1.0, 0.5, 1 - math.sqrt(0.5), 1 - math.sqrt(3) / 2, 0.0]),
        ("cosine", [1.0, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4, 0.0]),
    ],
)
def test_worked_values(shape: Shape, table: list[float]) -> None:
    falls = [FALLS[shape](share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert falls == pytest.approx(table, abs=1e-15)
    assert (falls[0], falls[-1]) == (1.0, 0.0)


@pytest.mark.parametrize("shape", SHAPES)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_fall_never_rises(shape: Shape, share: float, other: float) -> None:
    earlier, later = sorted((share, other))
    assert 1 >= FALLS[shape](earlier) >= FALLS[shape](later) >= 0


@pytest.mark.parametrize(
    ("points", "shape", "table"),
    [
        ([(0, 0.5)], "linear", [0.5, 0.5]),
        ([(0, 0.0), (4, 1.0)], "linear", [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]),
        ([(0, 0.0), (4, 1.0)], "cosine", [0.0, 0.146447, 0.5, 0.853553, 1.0, 1.0]),
        ([(0, 1.0), (4, 0.0)], "cosine", [1.0, 0.853553, 0.5, 0.146447, 0.0, 0.0]),
        ([(0, 0.2), (2, 1.0), (4, 0.2), (6, 0.0)], "linear", [0.2, 0.6, 1.0, 0.6, 0.2, 0.1, 0.0, 0.0]),
        ([(0, 0.2), (0, 1.0), (2, 0.0)], "linear", [1.0, 0.5, 0.0]),
        ([(0, 0.3), (2, 0.3), (4, 0.1)], "linear", [0.3, 0.3, 0.3, 0.2, 0.1]),
    ],
)
def test_the_way_goes_through_the_points(points: list[tuple[int, float]], shape: Shape, table: list[float]) -> None:
    assert [way(step, points=points, shape=shape) for step in range(len(table))] == pytest.approx(table, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 50))
def test_the_way_stays_between_its_points_and_meets_the_peak(
    shape: Shape, start: float, end: float, length: int
) -> None:
    points = [(0, start), (length, 1.0), (2 * length, end)]
    heights = [way(step, points=points, shape=shape) for step in range(2 * length + 2)]
    assert heights[0] == start
    assert heights[length] == 1.0
    assert all(earlier <= later <= 1.0 for earlier, later in pairwise(heights[: length + 1]))
    assert all(1.0 >= earlier >= later for earlier, later in pairwise(heights[length:]))
    assert heights[-2:] == [end, end]


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.one_cycle: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        way(step, points=[(0, 1.0)], shape="linear")
