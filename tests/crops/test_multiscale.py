import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.crops import Box, flip, multiscale_50, multiscale_fcn, ten

SCALES_PX = (224, 256, 384, 480, 640)


def different(views: tuple[object, ...]) -> int:
    return len(set(views))


def test_fifty_are_ten_crops_of_224_at_each_scale_of_the_lecture() -> None:
    views = multiscale_50(375, 500)
    assert [view.size_px for view in views[::10]] == [(224, 298), (256, 341), (384, 512), (480, 640), (640, 853)]
    assert {(view.box.height, view.box.width) for view in views} == {(224, 224)}
    for place, side in enumerate(SCALES_PX):
        assert views[10 * place : 10 * place + 10] == ten(375, 500, resize_px=[side], crop_px=224)


@pytest.mark.parametrize("side", [224, 256, 500, 1000])
def test_of_a_square_42_differ(side: int) -> None:
    views = multiscale_50(side, side)
    assert [different(views[start : start + 10]) for start in range(0, 50, 10)] == [2, 10, 10, 10, 10]
    assert different(views) == 42


@pytest.mark.parametrize("size", [(375, 500), (500, 375), (480, 640), (300, 900)])
def test_of_other_shapes_46_differ(size: tuple[int, int]) -> None:
    views = multiscale_50(*size)
    assert [different(views[start : start + 10]) for start in range(0, 50, 10)] == [6, 10, 10, 10, 10]


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_at_least_42_differ_and_none_reaches_outside(height: int, width: int) -> None:
    views = multiscale_50(height, width)
    assert len(views) == 50
    assert 42 <= different(views) <= 46
    assert all(view.overhang == (0, 0, 0, 0) for view in views)


def test_own_scales_and_crops() -> None:
    views = multiscale_50(30, 40, resize_px=[8, 12], crop_px=8)
    assert views == ten(30, 40, resize_px=[8, 12], crop_px=8)


def test_the_fully_convolutional_form_shows_the_whole_image_twice_at_each_scale() -> None:
    views = multiscale_fcn(375, 500)
    assert views == flip(375, 500, resize_px=SCALES_PX)
    assert [view.size_px[0] for view in views] == [side for side in SCALES_PX for _ in range(2)]
    assert all(view.box == Box(0, 0, *view.size_px) for view in views)
    assert [view.is_mirrored for view in views] == [False, True] * 5


def test_own_scales_of_the_fully_convolutional_form() -> None:
    assert [view.size_px for view in multiscale_fcn(30, 40, resize_px=[6])] == [(6, 8), (6, 8)]


def test_crops_larger_than_the_smallest_scale_are_refused() -> None:
    expected = (
        r"^crops\.ten: crop_px must be at most the shorter side after resizing, 224, got 225\. Raise resize_px\.$"
    )
    with pytest.raises(ValueError, match=expected):
        multiscale_50(375, 500, crop_px=225)
