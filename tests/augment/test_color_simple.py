from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import v2

from lightning_regkit.augment import color_simple
from tests.augment.support import (
    DTYPES,
    SEEDS,
    SIDES,
    Array,
    chi_square,
    is_valid,
    kolmogorov,
    kolmogorov_distance,
    picture,
    transformed,
    uniform,
)

COUNT = 1500
COLOR_OR_GRAY = st.tuples(SIDES, SIDES, st.sampled_from([(), (1,), (3,)])).map(lambda s: (s[0], s[1], *s[2]))


def shown(image: Array, **options: float) -> Array:
    transform = color_simple(**options)
    return np.stack([transformed(transform, image, seed) for seed in range(COUNT)]).astype(float)


def test_the_factor_of_brightness_is_uniform() -> None:
    gray = np.full((1, 1, 3), 0.5, dtype=np.float32)
    assert kolmogorov(shown(gray, contrast_frac=0.0).mean((1, 2, 3)) / 0.5, uniform(0.6, 1.4)) < 1
    assert kolmogorov(shown(gray, brightness_frac=0.2).mean((1, 2, 3)) / 0.5, uniform(0.8, 1.2)) < 1


def test_the_factor_of_contrast_is_uniform_and_about_the_mean_gray() -> None:
    pair = np.array([[[0.4] * 3, [0.6] * 3]], dtype=np.float32)
    seen = shown(pair, brightness_frac=0.0).mean(3)[:, 0]
    np.testing.assert_allclose(seen.mean(1), 0.5, atol=1e-6)
    assert kolmogorov((seen[:, 1] - seen[:, 0]) / 0.2, uniform(0.6, 1.4)) < 1
    assert (
        kolmogorov((shown(pair, brightness_frac=0.0, contrast_frac=0.7).mean(3)[:, 0] @ [-5, 5]), uniform(0.3, 1.7)) < 1
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_same_law_as_torchvision(dtype: Any) -> None:
    """Extreme colors are cut off, which shows the order; the mean gray weighs red, green and blue."""
    levels = np.array([[[250, 10, 30], [60, 200, 5], [90, 120, 180]]], dtype=np.uint8)
    image: Any = levels if dtype is np.uint8 else levels / np.float32(255)
    torch.manual_seed(0)
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4)
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    theirs = np.stack([jitter(tensor).permute(1, 2, 0).numpy() for _ in range(COUNT)]).astype(float)
    ours = shown(image)
    for column in range(3):
        for channel in range(3):
            one, other = ours[:, 0, column, channel], theirs[:, 0, column, channel]
            assert kolmogorov_distance(one, other) < 1.1, (column, channel)
    assert kolmogorov_distance(ours.std((1, 2, 3)), theirs.std((1, 2, 3))) < 1


def test_both_orders_happen_alike() -> None:
    """Twice as bright and half the contrast of 1 and 1/4: what is brightened first is cut off before the contrast."""
    image = np.array([[[1.0] * 3, [0.25] * 3]], dtype=np.float32)
    policy = color_simple()
    jitter: Any = policy.transforms[0]
    jitter.brightness, jitter.contrast = (2.0, 2.0), (0.5, 0.5)
    seen = [tuple(transformed(policy, image, seed)[0, :, 0].round(4).tolist()) for seed in range(2000)]
    assert chi_square(seen, {(0.875, 0.625): 0.5, (1.0, 0.875): 0.5}) < 1


@given(COLOR_OR_GRAY, DTYPES, SEEDS)
def test_images_of_any_shape(shape: tuple[int, ...], dtype: Any, seed: int) -> None:
    image = picture(shape, dtype)
    before = image.copy()
    changed = transformed(color_simple(), image, seed)
    assert changed.shape == shape
    assert is_valid(changed, dtype)
    np.testing.assert_array_equal(changed, transformed(color_simple(), image, seed))
    np.testing.assert_array_equal(image, before)


def test_nothing_is_changed_by_nothing() -> None:
    image = picture((4, 5, 3))
    same = color_simple(brightness_frac=0.0, contrast_frac=0.0)(image=image)["image"]
    np.testing.assert_array_equal(same, image)


@pytest.mark.parametrize("argument", ["brightness_frac", "contrast_frac"])
def test_what_cannot_be_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^augment\.color_simple: {argument} must be a number in \[0, 1\], got 1\.5"):
        color_simple(**{argument: 1.5})
    with pytest.raises(TypeError, match=rf"^augment\.color_simple: {argument} must be a number in \[0, 1\], got None"):
        color_simple(**{argument: None})
