import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import v2

from lightning_regkit.augment import Box, ScaledBox
from lightning_regkit.augment._scaled_box import centered, check_crop, shrunk
from lightning_regkit.crops import center, shorter_side_to

SIDES = st.integers(1, 700)


@given(SIDES, SIDES, SIDES, st.data())
def test_the_center_is_that_of_the_layouts(height: int, width: int, resize_px: int, data: st.DataObject) -> None:
    crop_px = data.draw(st.integers(1, resize_px))
    place = centered(height, width, resize_px=resize_px, crop_px=crop_px)
    view = center(height, width, resize_px=[resize_px], crop_px=crop_px)[0]
    assert (place.image_px, place.resized_px, place.box) == ((height, width), view.size_px, view.box)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.data())
def test_the_center_is_torchvision_s(height: int, width: int, resize_px: int, data: st.DataObject) -> None:
    crop_px = data.draw(st.integers(1, resize_px))
    place = centered(height, width, resize_px=resize_px, crop_px=crop_px)
    image = torch.zeros(1, height, width)
    resized = v2.functional.resize(image, [resize_px])
    assert place.resized_px == tuple(resized.shape[1:])
    rows, columns = place.resized_px
    numbered = torch.arange(rows * columns).reshape(1, rows, columns)
    theirs = v2.functional.center_crop(numbered, [crop_px, crop_px])[0, 0, 0].item()
    assert place.box == Box(theirs // columns, theirs % columns, crop_px, crop_px)


@given(SIDES, SIDES, SIDES)
def test_only_larger_images_are_shrunk_and_none_is_cut(height: int, width: int, resize_px: int) -> None:
    place = shrunk(height, width, resize_px=resize_px)
    assert place.box == Box(0, 0, *place.resized_px)
    if min(height, width) <= resize_px:
        assert place.resized_px == (height, width)
    else:
        assert place.resized_px == shorter_side_to(height, width, resize_px)


def test_the_source_is_the_same_part_of_the_image_as_it_is() -> None:
    place = ScaledBox(image_px=(30, 400), resized_px=(60, 100), box=Box(10, 25, 20, 50))
    top, left, height, width = place.source
    assert (top, left, height, width) == (5, 100, 10, 200)
    whole = ScaledBox(image_px=(30, 401), resized_px=(7, 13), box=Box(0, 0, 7, 13))
    np.testing.assert_allclose(whole.source, (0, 0, 30, 401))


def test_a_crop_that_fits_is_returned() -> None:
    assert check_crop("owner", 4, 4) == 4
    with pytest.raises(ValueError, match=r"^owner: crop_px must be at most the shorter side after resizing, 4, got 5"):
        check_crop("owner", 5, 4)
    with pytest.raises(TypeError, match=r"^owner: crop_px must be a positive integer, got 4\.0\.$"):
        check_crop("owner", 4.0, 4)
