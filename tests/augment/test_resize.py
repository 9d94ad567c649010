from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional

from lightning_regkit.augment._resize import resize
from tests.augment.support import DTYPES, SHAPES, SIDES, Array, picture
from tests.photos import SOURCES


def torchvision_s(image: Array, size_px: tuple[int, int]) -> Array:
    tensor = torch.from_numpy(np.atleast_3d(image)).permute(2, 0, 1)
    return (
        functional.resize(tensor, list(size_px), antialias=True)
        .permute(1, 2, 0)
        .numpy()
        .reshape(*size_px, *image.shape[2:])
    )


@given(SHAPES, DTYPES, SIDES, SIDES)
def test_equal_to_torchvision(shape: tuple[int, ...], dtype: Any, height: int, width: int) -> None:
    image = picture(shape, dtype)
    before = image.copy()
    resized = resize(image, (height, width))
    assert resized.dtype == dtype
    assert resized.shape == (height, width, *shape[2:])
    assert resized.flags.c_contiguous
    np.testing.assert_array_equal(resized, torchvision_s(image, (height, width)))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("size_px", [(256, 341), (480, 640), (100, 133)], ids=str)
def test_of_a_photo_too(size_px: tuple[int, int]) -> None:
    photo = SOURCES["coffee"]()
    np.testing.assert_array_equal(resize(photo, size_px), torchvision_s(photo.copy(), size_px))


def test_what_has_the_size_is_returned_as_it_is() -> None:
    image = picture((3, 4, 3))
    assert resize(image, (3, 4)) is image


@given(st.booleans(), st.booleans())
def test_parts_and_what_cannot_be_written_are_taken(is_part: bool, is_readonly: bool) -> None:
    image = picture((9, 9, 3))
    part = image[2:7, 1::2] if is_part else image
    expected = resize(part.copy(), (4, 4))
    part.setflags(write=not is_readonly)
    np.testing.assert_array_equal(resize(part, (4, 4)), expected)
