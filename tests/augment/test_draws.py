import math
import subprocess
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import RandomResizedCrop

from lightning_regkit.augment import Box, ScaledBox, draw_inception_crop, draw_resnet_crop
from lightning_regkit.augment._draws import check_inception, check_resnet
from lightning_regkit.crops import shorter_side_to
from tests.augment.support import SEEDS, Array, chi_square, kolmogorov, kolmogorov_distance, rng, uniform

SIDES = st.one_of(st.integers(1, 3), st.integers(1, 700))
SHAPES = [(375, 500), (500, 375), (1, 1), (1, 9), (9, 1), (3, 4), (60, 61), (40, 500)]


def resnet_draws(count: int, height: int, width: int, **options: Any) -> list[ScaledBox]:
    generator = rng()
    return [draw_resnet_crop(height, width, generator=generator, **options) for _ in range(count)]


def inception_draws(count: int, height: int, width: int, *, seed: int = 0, **options: Any) -> Array:
    generator = rng(seed)
    boxes = (draw_inception_crop(height, width, generator=generator, **options) for _ in range(count))
    return np.array([(box.top, box.left, box.height, box.width) for box in boxes])


@given(SIDES, SIDES, st.data(), SEEDS)
def test_a_resnet_crop_is_inside_the_resized_image(height: int, width: int, data: st.DataObject, seed: int) -> None:
    low, high = sorted(data.draw(st.tuples(st.integers(1, 500), st.integers(1, 500))))
    crop_px = data.draw(st.integers(1, low))
    options: Any = {"resize_px": (low, high), "crop_px": crop_px}
    draw = draw_resnet_crop(height, width, generator=rng(seed), **options)
    assert draw == draw_resnet_crop(height, width, generator=rng(seed), **options)
    shorter = min(draw.resized_px)
    assert low <= shorter <= high
    assert draw.image_px == (height, width)
    assert draw.resized_px == shorter_side_to(height, width, shorter)
    assert (draw.box.height, draw.box.width) == (crop_px, crop_px)
    assert draw.box == draw.box.clip(*draw.resized_px)


def test_the_shorter_side_is_uniform_over_the_integers() -> None:
    sides = [min(draw.resized_px) for draw in resnet_draws(9000, 375, 500)]
    assert chi_square(sides, dict.fromkeys(range(256, 481), 1 / 225)) < 1
    heights = [draw.resized_px[0] for draw in resnet_draws(9000, 500, 375)]
    assert kolmogorov([height / 500 * 375 for height in heights], uniform(256, 481)) < 1.1


def test_scale_and_place_of_a_resnet_crop() -> None:
    # Shorter sides 2, 3; of a 1 x 2 image 2 x 4 and 3 x 6 pixels; crops of 2 have 1 x 3 and 2 x 5 places.
    draws = resnet_draws(9000, 1, 2, resize_px=(2, 3), crop_px=2)
    seen = [(draw.resized_px[0], draw.box.top, draw.box.left) for draw in draws]
    expected = {(2, 0, left): 1 / 6 for left in range(3)}
    expected |= {(3, top, left): 1 / 20 for top, left in product(range(2), range(5))}
    assert chi_square(seen, expected) < 1


def test_of_a_large_image_the_place_is_uniform_along_both_axes() -> None:
    draws = resnet_draws(4000, 375, 500)
    for axis, edge in enumerate(("top", "left")):
        noise = rng(1).random(len(draws))  # spreads each pixel over its width, so that the law is continuous
        shares = [
            (getattr(draw.box, edge) + step) / (draw.resized_px[axis] - 223)
            for draw, step in zip(draws, noise, strict=True)
        ]
        assert kolmogorov(shares, uniform(0, 1)) < 1


def test_the_defaults_of_resnet_are_the_paper_s() -> None:
    options: Any = {"resize_px": (256, 480), "crop_px": 224}
    assert resnet_draws(20, 375, 500) == resnet_draws(20, 375, 500, **options)


@given(SIDES, SIDES, st.data(), SEEDS)
def test_an_inception_crop_is_inside_the_image(height: int, width: int, data: st.DataObject, seed: int) -> None:
    shares = st.floats(0.001, 1)
    aspects = st.floats(0.05, 20)
    options: Any = {
        "area": tuple(sorted(data.draw(st.tuples(shares, shares)))),
        "aspect": tuple(sorted(data.draw(st.tuples(aspects, aspects)))),
    }
    box = draw_inception_crop(height, width, generator=rng(seed), **options)
    assert box == draw_inception_crop(height, width, generator=rng(seed), **options)
    assert box == box.clip(height, width)
    assert box.area >= 1


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("ranges", [((0.08, 1.0), (3 / 4, 4 / 3)), ((0.5, 0.9), (1.0, 3.0))], ids=["paper", "other"])
def test_same_law_as_torchvision(shape: tuple[int, int], ranges: Any) -> None:
    area, aspect = ranges
    torch.manual_seed(0)
    image = torch.empty(1, *shape)
    theirs = np.array([RandomResizedCrop.get_params(image, list(area), list(aspect)) for _ in range(2500)])
    ours = inception_draws(2500, *shape, area=area, aspect=aspect)
    for column in range(4):
        assert kolmogorov_distance(ours[:, column], theirs[:, column]) < 1, column
    assert kolmogorov_distance(ours[:, 2] * ours[:, 3], theirs[:, 2] * theirs[:, 3]) < 1
    assert kolmogorov_distance(ours[:, 2] / ours[:, 3], theirs[:, 2] / theirs[:, 3]) < 1


def test_area_is_uniform_and_aspect_log_uniform_and_means_width_by_height() -> None:
    # So small that every first attempt fits, so large that whole pixels do not matter.
    rows, columns = inception_draws(6000, 3000, 4000, area=(0.05, 0.2), aspect=(0.5, 3.0))[:, 2:].T.astype(float)
    assert kolmogorov(rows * columns / 12e6, uniform(0.05, 0.2)) < 1
    assert kolmogorov(np.log(columns / rows), uniform(math.log(0.5), math.log(3))) < 1
    assert abs(np.corrcoef(rows * columns, columns / rows)[0, 1]) < 3 / math.sqrt(6000)


def test_places_of_an_inception_crop_are_uniform() -> None:
    # Area 6 and aspect 2/3: 3 rows, 2 columns, at 3 x 6 places.
    boxes = inception_draws(9000, 5, 7, area=(6 / 35, 6 / 35), aspect=(2 / 3, 2 / 3))
    assert chi_square(map(tuple, boxes.tolist()), {(t, s, 3, 2): 1 / 18 for t in range(3) for s in range(6)}) < 1


def test_ten_attempts_then_the_center() -> None:
    # A square of area u of H x 4H fits if u <= 1/4, so one attempt fits with probability 1/4.
    boxes = inception_draws(6000, 5000, 20_000, seed=1, area=(1e-6, 1.0), aspect=(1.0, 1.0))
    is_central = (boxes == [0, 7500, 5000, 5000]).all(1)
    expected = 0.75**10
    assert abs(is_central.mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / 6000)
    assert kolmogorov(boxes[~is_central, 2] ** 2 / 1e8, uniform(0, 0.25)) < 1


@pytest.mark.parametrize(
    ("shape", "aspect", "expected"),
    [
        ((4, 4), (3 / 4, 4 / 3), Box(0, 0, 4, 4)),
        ((1, 9), (3 / 4, 4 / 3), Box(0, 4, 1, 1)),
        ((20, 3), (1 / 2, 2.0), Box(7, 0, 6, 3)),
        ((3, 20), (1 / 2, 2.0), Box(0, 7, 3, 6)),
        ((1, 1), (4.0, 5.0), Box(0, 0, 1, 1)),
        ((1, 1), (0.1, 0.2), Box(0, 0, 1, 1)),
    ],
    ids=str,
)
def test_the_largest_box_of_the_aspect_where_no_attempt_fits(
    shape: tuple[int, int], aspect: tuple[float, float], expected: Box
) -> None:
    # Rounded to no pixel at all, so that no attempt fits.
    assert draw_inception_crop(*shape, generator=rng(), area=(1e-9, 1e-9), aspect=aspect) == expected


def test_the_defaults_of_inception_are_the_paper_s() -> None:
    options: Any = {"area": (0.08, 1.0), "aspect": (3 / 4, 4 / 3)}
    assert inception_draws(20, 375, 500).tolist() == inception_draws(20, 375, 500, **options).tolist()


def test_draws_go_on_from_the_generator_and_touch_nothing_else() -> None:
    before = torch.random.get_rng_state()
    assert len(set(map(str, resnet_draws(20, 375, 500)))) > 10
    assert len(set(map(tuple, inception_draws(20, 375, 500).tolist()))) > 10
    assert torch.equal(torch.random.get_rng_state(), before)


def test_all_is_of_python_s_own_integers() -> None:
    draw = draw_resnet_crop(375, 500, generator=rng())
    box = draw_inception_crop(375, 500, generator=rng())
    values = [*draw.resized_px, *vars(draw.box).values(), *vars(box).values()]
    assert all(type(value) is int for value in values)


def test_neither_torch_nor_albumentations_is_loaded() -> None:
    script = (
        "import sys; from lightning_regkit.augment import draw_resnet_crop, ScaledBox, ColorAxes; print(*sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"torch", "albumentations", "cv2"} & set(result.stdout.split()) == set()


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (3.0, TypeError)])
@pytest.mark.parametrize("argument", ["height", "width"])
def test_sizes_out_of_range_are_refused(argument: str, value: Any, error: type[Exception]) -> None:
    size: Any = {"height": 3, "width": 3, argument: value}
    expected = rf"{argument} must be a positive integer, got {value}\.$"
    with pytest.raises(error, match=rf"^augment\.draw_resnet_crop: {expected}"):
        draw_resnet_crop(**size, generator=rng())
    with pytest.raises(error, match=rf"^augment\.draw_inception_crop: {expected}"):
        draw_inception_crop(**size, generator=rng())


def test_ranges_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^augment\.draw_resnet_crop: resize_px must have its ends in order"):
        draw_resnet_crop(3, 3, generator=rng(), resize_px=(480, 256))
    with pytest.raises(ValueError, match=r"^owner: crop_px must be at most the shorter side after resizing, 256, got"):
        check_resnet("owner", (256, 480), 300)
    with pytest.raises(ValueError, match=r"^augment\.draw_inception_crop: area must be at most 1, got \(0\.5, 1\.5\)"):
        draw_inception_crop(3, 3, generator=rng(), area=(0.5, 1.5))
    with pytest.raises(ValueError, match=r"^owner: area must be a positive number, got 0\.0\.$"):
        check_inception("owner", (0.0, 1.0), (1.0, 1.0))
    with pytest.raises(TypeError, match=r"^owner: aspect must be a tuple \(smallest, largest\), got 1\.0\.$"):
        check_inception("owner", (0.5, 1.0), 1.0)
