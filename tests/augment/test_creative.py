"""Each amount is uniform as it is seen in the matrix, the map or the image; each part happens as often as it should."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import skimage.transform
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.augment import apply_transform, creative
from tests.augment.support import (
    COLOR_SHAPES,
    DTYPES,
    SEEDS,
    Array,
    chi_square,
    is_valid,
    kolmogorov,
    picture,
    rng,
    transformed,
    uniform,
)
from tests.photos import SOURCES

NOTHING: dict[str, float] = {"shift_frac": 0.0, "rotate_deg": 0.0, "stretch_frac": 0.0, "shear_deg": 0.0}
COUNT = 1500


def matrices(**amounts: float) -> Array:
    """What becomes of (x, y, 1), of images 1000 high and 2000 wide; nothing else than ``amounts`` happens."""
    affine: Any = creative(**{**NOTHING, **amounts}).transforms[0]
    affine.set_random_seed(0)
    params = {"shape": (1000, 2000)}
    return np.stack([affine.get_params_dependent_on_data(params, {})["matrix"] for _ in range(COUNT)])


def test_shifts_are_uniform_over_whole_pixels_along_each_axis() -> None:
    shifts = matrices(shift_frac=0.1)[:, :2, 2]
    np.testing.assert_allclose(shifts, np.rint(shifts), atol=1e-6)
    assert kolmogorov(shifts[:, 0], uniform(-200, 200)) < 1
    assert kolmogorov(shifts[:, 1], uniform(-100, 100)) < 1
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 3 / math.sqrt(COUNT)


def test_rotations_are_uniform_and_about_the_center() -> None:
    found = matrices(rotate_deg=15.0)
    degrees = np.rad2deg(np.arctan2(found[:, 1, 0], found[:, 0, 0]))
    assert kolmogorov(degrees, uniform(-15, 15)) < 1
    center = np.array([999.5, 499.5, 1])
    np.testing.assert_allclose(found @ center, np.broadcast_to(center, (COUNT, 3)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(found), 1)


def test_each_axis_is_stretched_on_its_own() -> None:
    found = matrices(stretch_frac=0.2)
    for axis in range(2):
        assert kolmogorov(found[:, axis, axis], uniform(0.8, 1.2)) < 1
    assert abs(np.corrcoef(found[:, 0, 0], found[:, 1, 1])[0, 1]) < 3 / math.sqrt(COUNT)


def test_each_axis_is_sheared_on_its_own() -> None:
    found = matrices(shear_deg=10.0)
    # As the product of both shears the matrix is [[1 + ab, a], [b, 1]] or its like: one corner stays 1.
    one, other = np.rad2deg(np.arctan(found[:, 0, 1])), np.rad2deg(np.arctan(found[:, 1, 0]))
    for degrees in (one, other):
        assert kolmogorov(degrees, uniform(-10, 10)) < 1.1
    assert abs(np.corrcoef(one, other)[0, 1]) < 3 / math.sqrt(COUNT)


def test_the_image_is_warped_by_the_matrix_as_scikit_image_warps_it() -> None:
    photo = SOURCES["chelsea"]() / np.float32(255)
    policy = creative(probability=1.0)
    policy.transforms = policy.transforms[:1]
    policy.save_applied_params = True
    result = apply_transform(policy, {"image": photo}, generator=rng(2))
    ((name, params),) = result["applied_transforms"]
    inverse = skimage.transform.AffineTransform(matrix=np.linalg.inv(params["matrix"]))  # type: ignore[no-untyped-call]
    theirs = skimage.transform.warp(photo, inverse, order=1, mode="reflect")  # type: ignore[no-untyped-call]
    assert name == "Affine"
    assert np.abs(photo - theirs).mean() > 0.05  # it does something
    assert np.abs(result["image"] - theirs)[10:-10, 10:-10].max() < 0.02


def test_the_lens_moves_what_is_at_r_from_where_it_was_at_r_and_its_cube() -> None:
    lens: Any = creative().transforms[1]
    lens.set_random_seed(0)
    height, width = 31, 41
    bends = []
    for _ in range(COUNT):
        maps = lens.get_params_dependent_on_data({"shape": (height, width)}, {})
        x, y, radius_squared = 3 - width / 2, 5 - height / 2, (height / 2) ** 2 + (width / 2) ** 2
        bend = ((maps["map_x"][5, 3] - width / 2) / x - 1) * radius_squared / (x * x + y * y)
        other = ((maps["map_y"][5, 3] - height / 2) / y - 1) * radius_squared / (x * x + y * y)
        assert math.isclose(bend, other, abs_tol=1e-4)
        bends.append(bend)
    assert kolmogorov(bends, uniform(-0.3, 0.3)) < 1


def test_the_noise_of_the_sensor() -> None:
    policy = creative(probability=1.0)
    policy.transforms = policy.transforms[2:]
    photo = SOURCES["chelsea"]()[100:150, 100:150] / np.float32(255)
    changes = [transformed(policy, photo, seed) - photo for seed in range(30)]
    assert len({change.tobytes() for change in changes}) == 30
    assert all(change.mean() > -1e-3 for change in changes)  # it only brightens
    assert max(change.max() for change in changes) > 0.02
    flat = np.full((8, 8, 3), 0.4, dtype=np.float32)
    np.testing.assert_allclose(transformed(policy, flat, 0), flat, atol=1e-3)  # of nothing it makes nothing


@pytest.mark.parametrize("probability", [0.5, 0.2])
def test_each_part_happens_as_often_as_it_should_independently(probability: float) -> None:
    policy = creative(probability=probability)
    policy.save_applied_params = True
    names = ("Affine", "OpticalDistortion", "ISONoise")
    seen = []
    for seed in range(600):
        result = apply_transform(policy, {"image": picture((6, 6, 3))}, generator=rng(seed))
        applied = {name for name, _ in result["applied_transforms"]}
        seen.append(tuple(name in applied for name in names))
    shares = {
        happens: math.prod(probability if each else 1 - probability for each in happens)
        for happens in product((False, True), repeat=3)
    }
    assert chi_square(seen, shares) < 1


def test_what_comes_from_outside_is_a_reflection() -> None:
    image = np.full((20, 20, 3), 200, dtype=np.uint8)
    policy = creative(shift_frac=1.0, rotate_deg=90, probability=1.0)
    policy.transforms = policy.transforms[:2]
    for seed in range(20):
        np.testing.assert_array_equal(transformed(policy, image, seed), image)


def test_the_defaults() -> None:
    spelled = creative(shift_frac=0.1, rotate_deg=15.0, stretch_frac=0.2, shear_deg=10.0, probability=0.5)
    image = picture((12, 14, 3))
    for seed in range(20):
        np.testing.assert_array_equal(transformed(creative(), image, seed), transformed(spelled, image, seed))


@given(COLOR_SHAPES, DTYPES, SEEDS, st.sampled_from([0.5, 1.0]))
def test_images_of_any_shape(shape: tuple[int, ...], dtype: Any, seed: int, probability: float) -> None:
    image = picture(shape, dtype)
    before = image.copy()
    policy = creative(probability=probability)
    changed = transformed(policy, image, seed)
    assert changed.shape == shape
    assert is_valid(changed, dtype)
    np.testing.assert_array_equal(changed, transformed(policy, image, seed))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 1)], ids=str)
def test_gray_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expects 3-channel images"):
        creative(probability=1.0)(image=picture(shape))


@pytest.mark.parametrize(
    ("argument", "value", "expected"),
    [
        ("shift_frac", 1.1, r"a number in \[0, 1\], got 1\.1"),
        ("rotate_deg", -1.0, r"a number of at least 0, got -1\.0"),
        ("stretch_frac", 1.0, r"below 1, got 1\.0"),
        ("stretch_frac", -0.1, r"a number of at least 0, got -0\.1"),
        ("shear_deg", 90.0, r"below 90, got 90\.0"),
        ("probability", 2.0, r"a number in \[0, 1\], got 2\.0"),
    ],
)
def test_what_cannot_be_is_refused(argument: str, value: float, expected: str) -> None:
    with pytest.raises(ValueError, match=rf"^augment\.creative: {argument} must be {expected}\.$"):
        creative(**{argument: value})
