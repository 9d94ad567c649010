from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import functional as tv

from lightning_regkit.crops import Box, View, center, five, ten
from tests.crops.support import numbered, slow_loop

MOST = 12
SHAPES = [(height, width) for height in range(1, MOST + 1) for width in range(1, MOST + 1)]
Layout = Callable[..., tuple[View, ...]]


def shown(views: Sequence[View], image: Tensor) -> list[list[list[float]]]:
    return [slow_loop(image, view) for view in views]


def expected(crops: Sequence[Tensor]) -> list[list[list[float]]]:
    return [crop[0, 0].tolist() for crop in crops]


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_crops_are_torchvisions_for_all_small_sizes(height: int, width: int) -> None:
    image = numbered(height, width)
    for crop_px in range(1, min(height, width) + 1):
        assert shown(five(height, width, resize_px=[], crop_px=crop_px), image) == expected(
            tv.five_crop(image, crop_px)
        )
        assert shown(ten(height, width, resize_px=[], crop_px=crop_px), image) == expected(tv.ten_crop(image, crop_px))
        middle = [tv.center_crop(image, [crop_px, crop_px])]
        assert shown(center(height, width, resize_px=[], crop_px=crop_px), image) == expected(middle)


@settings(max_examples=50)
@given(st.integers(13, 60), st.integers(13, 60), st.integers(1, 13))
def test_crops_are_torchvisions_for_larger_ones(height: int, width: int, crop_px: int) -> None:
    image = numbered(height, width)
    assert shown(ten(height, width, resize_px=[], crop_px=crop_px), image) == expected(tv.ten_crop(image, crop_px))


def test_worked_example() -> None:
    size = (3, 4)
    plain = [Box(0, 0, 2, 2), Box(0, 2, 2, 2), Box(1, 0, 2, 2), Box(1, 2, 2, 2), Box(0, 1, 2, 2)]
    across = [Box(0, 2, 2, 2), Box(0, 0, 2, 2), Box(1, 2, 2, 2), Box(1, 0, 2, 2), Box(0, 1, 2, 2)]
    views = ten(3, 4, resize_px=[], crop_px=2)
    assert views == (*(View(size, box) for box in plain), *(View(size, box, is_mirrored=True) for box in across))
    assert five(3, 4, resize_px=[], crop_px=2) == views[:5]
    assert center(3, 4, resize_px=[], crop_px=2) == views[4:5]


@pytest.mark.parametrize(("margin", "start"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (7, 4)])
def test_half_a_pixel_rounds_to_even(margin: int, start: int) -> None:
    assert center(4 + margin, 4, resize_px=[], crop_px=4)[0].box.top == start


def test_an_odd_margin_rounds_the_two_centers_apart() -> None:
    views = ten(4, 5, resize_px=[], crop_px=4)
    assert (views[4].box.left, views[9].box.left) == (0, 1)


@pytest.mark.parametrize(("layout", "count"), [(center, 1), (five, 5), (ten, 10)])
def test_every_scale_is_laid_out_on_its_own(layout: Layout, count: int) -> None:
    views = layout(30, 40, resize_px=[12, 9, 12], crop_px=8)
    assert len(views) == 3 * count
    assert [view.size_px for view in views[::count]] == [(12, 16), (9, 12), (12, 16)]
    assert views[count : 2 * count] == layout(9, 12, resize_px=[], crop_px=8)
    assert all((view.box.height, view.box.width, view.overhang) == (8, 8, (0, 0, 0, 0)) for view in views)


@pytest.mark.parametrize("layout", [center, five, ten])
def test_the_defaults_are_256_and_224(layout: Layout) -> None:
    assert layout(375, 500) == layout(375, 500, resize_px=[256], crop_px=224)


@pytest.mark.parametrize("layout", [center, five, ten])
def test_a_crop_larger_than_the_image_is_refused(layout: Layout) -> None:
    text = (
        rf"^crops\.{layout.__name__}: crop_px must be at most the shorter side after resizing, 9, got 10\. "
        r"Raise resize_px\.$"
    )
    with pytest.raises(ValueError, match=text):
        layout(30, 40, resize_px=[12, 9], crop_px=10)


@pytest.mark.parametrize("layout", [center, five, ten])
@pytest.mark.parametrize(("crop_px", "error"), [(0, ValueError), (2.0, TypeError)])
def test_what_is_no_crop_is_refused(layout: Layout, crop_px: int, error: type[Exception]) -> None:
    text = rf"^crops\.{layout.__name__}: crop_px must be a positive integer, got {crop_px}\.$"
    with pytest.raises(error, match=text):
        layout(30, 40, crop_px=crop_px)


def test_the_reference_crops_differ_from_each_other() -> None:
    crops = tv.ten_crop(numbered(6, 7), 3)
    assert len({tuple(crop.flatten().tolist()) for crop in crops}) == 10
    assert not torch.equal(crops[0], crops[5])
