import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from lightning_regkit.augment import ColorAxes, Lighting
from lightning_regkit.augment._albumentations import albumentations as A
from tests.augment.support import (
    COLOR_SHAPES,
    DTYPES,
    SEEDS,
    Array,
    is_valid,
    kolmogorov,
    normal,
    picture,
    transformed,
)

COUNT = 4000
ROTATED = ColorAxes((0.2, 0.1, 0.05), ((0.6, 0.8, 0.0), (0.0, 0.0, 1.0), (0.8, -0.6, 0.0)))


def offsets(transform: Any) -> Array:
    """What was added to each of red, green and blue of a gray pixel."""
    gray = np.full((1, 1, 3), 0.5, dtype=np.float32)
    return np.stack([transformed(transform, gray, seed)[0, 0] - 0.5 for seed in range(COUNT)]).astype(float)


@pytest.mark.parametrize(("axes", "std"), [(ColorAxes(), 0.1), (ROTATED, 0.3)], ids=["ImageNet", "other"])
def test_the_covariance_is_that_of_the_axes(axes: ColorAxes, std: float) -> None:
    found = offsets(Lighting(axes, alpha_std=std))
    vectors = np.array(axes.eigenvectors)
    expected = std**2 * vectors @ np.diag(np.square(axes.eigenvalues)) @ vectors.T
    spread = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / COUNT)
    assert (np.abs(found.T @ found / COUNT - expected) < 4 * spread).all()
    assert (np.abs(found.mean(0)) < 4 * np.sqrt(np.diag(expected) / COUNT)).all()


def test_along_each_axis_alpha_is_normal_and_independent() -> None:
    axes = ColorAxes()
    alpha = offsets(Lighting()) @ np.linalg.inv(np.array(axes.eigenvectors)).T / axes.eigenvalues
    for column in alpha.T:
        assert kolmogorov(column, normal(0.1)) < 1
    correlation = np.corrcoef(alpha.T) - np.eye(3)
    assert np.abs(correlation).max() < 3 / math.sqrt(COUNT)


def test_red_is_the_first_row() -> None:
    """One axis, along red alone."""
    axes = ColorAxes((0.75, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    found = offsets(Lighting(axes))
    assert found[:, 0].std() > 0.05
    assert (found[:, 1:] == 0).all()


@given(COLOR_SHAPES, DTYPES, SEEDS)
def test_equal_to_a_slow_loop(shape: tuple[int, ...], dtype: Any, seed: int) -> None:
    image = picture(shape, dtype)
    before = image.copy()
    transform = Lighting(alpha_std=2.0)  # strong enough to leave the range
    transform.set_random_seed(seed)
    alpha = np.random.default_rng(seed).normal(0, 2.0, 3)
    lit = transform(image=image)["image"]
    largest = 255 if dtype is np.uint8 else 1
    added = [
        largest * sum(ColorAxes().eigenvectors[c][k] * alpha[k] * ColorAxes().eigenvalues[k] for k in range(3))
        for c in range(3)
    ]
    expected = np.empty(shape)
    for place in np.ndindex(*shape):
        value = float(image[place]) + added[place[2]]
        expected[place] = min(max(round(value) if dtype is np.uint8 else value, 0), largest)
    assert lit.shape == shape
    assert is_valid(lit, dtype)
    np.testing.assert_allclose(lit, expected, atol=0 if dtype is np.uint8 else 1e-6)
    np.testing.assert_array_equal(image, before)


@given(COLOR_SHAPES, SEEDS)
def test_bytes_and_floats_are_lit_alike(shape: tuple[int, ...], seed: int) -> None:
    levels, floats = picture(shape), picture(shape, np.float32)
    lit = transformed(Lighting(), levels, seed) / 255
    assert np.abs(lit - transformed(Lighting(), floats, seed)).max() <= 0.5 / 255 + 1e-6


def test_images_that_come_together_are_lit_alike() -> None:
    image = picture((4, 5, 3))
    images = Lighting(alpha_std=10.0)(images=np.stack([image, image]))["images"]  # so strong that bytes always change
    np.testing.assert_array_equal(images[0], images[1])
    assert not np.array_equal(images[0], image)


def test_some_images_are_left_alone() -> None:
    image = picture((4, 5, 3))
    same = [np.array_equal(transformed(Lighting(alpha_std=1.0, p=0.3), image, seed), image) for seed in range(600)]
    assert abs(np.mean(same) - 0.7) < 4 * math.sqrt(0.21 / 600)


def test_it_can_be_shown_saved_and_sent() -> None:
    transform, image = Lighting(ROTATED, alpha_std=0.2, p=0.9), picture((4, 5, 3))
    assert "alpha_std=0.2" in repr(transform)
    for copy in (A.from_dict(A.to_dict(transform)), pickle.loads(pickle.dumps(transform))):
        assert repr(copy) == repr(transform)
        np.testing.assert_array_equal(transformed(copy, image, 3), transformed(transform, image, 3))


def test_what_cannot_be_is_refused() -> None:
    expected = r"^Lighting: axes must be ColorAxes, got 'folder'\. Write Lighting\(augment\.fit_lighting\(folder\)\)"
    with pytest.raises(TypeError, match=expected):
        Lighting("folder")
    with pytest.raises(ValueError, match=r"^Lighting: alpha_std must be a number of at least 0, got -0\.1\.$"):
        Lighting(alpha_std=-0.1)
    with pytest.raises(ValueError, match=r"^Lighting: image must be RGB, \(H, W, 3\), got \(4, 4\)\. Convert"):
        Lighting()(image=picture((4, 4)))
    with pytest.raises(ValueError, match=r"^Lighting: floating image must be in \[0, 1\], got \(0\.0, 255\.0\)\. "):
        Lighting()(image=np.array([[[0, 0, 255]]], dtype=np.float32))
