from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import v2

from lightning_regkit.augment import eval_center, eval_multiscale
from lightning_regkit.crops import multiscale_50
from tests.augment.support import DTYPES, SHAPES, Array, picture
from tests.photos import SOURCES


def torchvision_s(image: Array, *transforms: Any) -> Array:
    tensor = v2.Compose(transforms)(torch.from_numpy(np.atleast_3d(image)).permute(2, 0, 1))
    array: Array = tensor.permute(1, 2, 0).numpy()
    return array if image.ndim == 3 else array[..., 0]


@given(SHAPES, DTYPES, st.integers(1, 40), st.data())
def test_the_center_is_torchvision_s(shape: Any, dtype: Any, resize_px: int, data: st.DataObject) -> None:
    crop_px = data.draw(st.integers(1, resize_px))
    image = picture(shape, dtype)
    shown = eval_center(crop_px, resize_px=resize_px)(image=image)["image"]
    theirs = torchvision_s(image, v2.Resize(resize_px, antialias=True), v2.CenterCrop(crop_px))
    assert shown.dtype == dtype
    np.testing.assert_array_equal(shown, theirs)


def test_the_defaults_are_those_of_imagenet() -> None:
    photo = SOURCES["chelsea"]().copy()
    theirs = torchvision_s(photo, v2.Resize(256, antialias=True), v2.CenterCrop(224))
    np.testing.assert_array_equal(eval_center()(image=photo)["image"], theirs)


@given(SHAPES, DTYPES, st.integers(1, 40))
def test_for_several_scales_images_stay_whole(shape: Any, dtype: Any, resize_px: int) -> None:
    image = picture(shape, dtype)
    shown = eval_multiscale(resize_px=resize_px)(image=image)["image"]
    if min(shape[:2]) <= resize_px:
        np.testing.assert_array_equal(shown, image)
    else:
        np.testing.assert_array_equal(shown, torchvision_s(image, v2.Resize(resize_px, antialias=True)))


def test_its_default_is_the_largest_scale_of_the_layout() -> None:
    largest = max(min(view.size_px) for view in multiscale_50(900, 900))
    assert eval_multiscale()(image=picture((900, 901, 3)))["image"].shape == (largest, largest, 3)


def test_nothing_is_random() -> None:
    image = picture((30, 40, 3))
    for policy in (eval_center(20, resize_px=25), eval_multiscale(resize_px=20)):
        assert len({policy(image=image)["image"].tobytes() for _ in range(5)}) == 1


@pytest.mark.parametrize(
    ("build", "error", "expected"),
    [
        (
            lambda: eval_center(257),
            ValueError,
            r"^augment\.eval_center: crop_px must be at most the shorter side after ",
        ),
        (
            lambda: eval_center(resize_px=0),
            ValueError,
            r"^augment\.eval_center: resize_px must be a positive integer, g",
        ),
        (
            lambda: eval_center(1.5),
            TypeError,
            r"^augment\.eval_center: crop_px must be a positive integer, got 1\.5\.$",
        ),
        (
            lambda: eval_multiscale(resize_px=0),
            ValueError,
            r"^augment\.eval_multiscale: resize_px must be a positive i",
        ),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], Any], error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected):
        build()
