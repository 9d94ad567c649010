import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.crops import (
    Box,
    View,
    curve_points,
    five,
    from_center,
    multiscale_50,
    multiscale_fcn,
    shifts,
    ten,
)

SIDES = st.integers(8, 300)


def from_the_center_px(view: View) -> float:
    """Distance between the centers of box and image."""
    (height, width), box = view.size_px, view.box
    return math.dist((box.top + box.height / 2, box.left + box.width / 2), (height / 2, width / 2))


def test_ten_crops_begin_with_the_center_and_its_reflection() -> None:
    listed = ten(375, 500)
    order = from_center(listed)
    assert order[:2] == (listed[4], listed[9])
    assert order[2:6] == listed[:4], "the corners, equally far"
    assert order[6:] == listed[5:9], "their reflections"


def test_the_center_alone_is_first_of_five() -> None:
    listed = five(375, 500)
    assert from_center(listed) == (listed[4], *listed[:4])


def test_views_that_coincide_come_again_after_the_others() -> None:
    whole, mirrored = View((8, 8), Box(0, 0, 8, 8)), View((8, 8), Box(0, 0, 8, 8), is_mirrored=True)
    assert from_center(ten(8, 8, resize_px=[], crop_px=8)) == (whole, mirrored) * 5


def test_the_shifts_begin_with_the_image_and_its_reflection() -> None:
    order = from_center(shifts(8, 8))
    assert [(view.box.top, view.is_mirrored) for view in order] == [
        (0, False),
        (0, True),
        (-1, False),
        (1, False),
        (-1, True),
        (1, True),
        (0, False),
        (0, True),
    ]


def test_scales_stay_in_the_order_given() -> None:
    listed = multiscale_fcn(30, 40, resize_px=[12, 6, 9])
    assert from_center(listed) == listed
    repeated = from_center(ten(30, 40, resize_px=[12, 9, 12], crop_px=8))
    assert [view.size_px[0] for view in repeated] == [12] * 20 + [9] * 10, "one scale is together"


@given(SIDES, SIDES, st.lists(st.integers(8, 40), min_size=1, max_size=3))
def test_nothing_is_lost_and_distances_grow(height: int, width: int, resize_px: list[int]) -> None:
    listed = multiscale_50(height, width, resize_px=resize_px, crop_px=8)
    order = from_center(listed)
    assert Counter(order) == Counter(listed)
    times: Counter[View] = Counter()
    keys = []
    for view in order:
        times[view] += 1
        keys.append((view.size_px, times[view], from_the_center_px(view), view.is_mirrored))
    for (size, time, distance, is_mirrored), (next_size, *rest) in pairwise(keys):
        assert size != next_size or (time, distance, is_mirrored) <= tuple(rest)
    assert list(dict.fromkeys(view.size_px for view in order)) == list(dict.fromkeys(view.size_px for view in listed))


@pytest.mark.parametrize(
    ("num_views", "points"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (3, (1, 2, 3)),
        (5, (1, 2, 5)),
        (8, (1, 2, 5, 8)),
        (10, (1, 2, 5, 10)),
        (50, (1, 2, 5, 10, 20, 50)),
        (60, (1, 2, 5, 10, 20, 50, 60)),
        (1000, (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
    ],
)
def test_points_of_a_curve(num_views: int, points: tuple[int, ...]) -> None:
    assert curve_points(num_views) == points


@pytest.mark.parametrize(("num_views", "error"), [(0, ValueError), (2.0, TypeError)])
def test_no_views_have_no_curve(num_views: int, error: type[Exception]) -> None:
    text = rf"^crops\.curve_points: num_views must be a positive integer, got {num_views}\.$"
    with pytest.raises(error, match=text):
        curve_points(num_views)
