import math
import random
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.data.random_erasing import RandomErasing
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.mixing import (
    CutoutShape,
    ErasingDraw,
    ErasingShape,
    apply_cutout,
    apply_random_erasing,
    draw_cutout,
    draw_random_erasing,
)
from tests.mixing.support import Array, aten_calls, fake_device, images, kolmogorov_distance

NUM_DRAWS = 8000
NUM_TIMM = 1500
SIDES = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def boxes_of(size_px: tuple[int, int], shape: ErasingShape) -> Array:
    draw = draw_random_erasing(NUM_DRAWS, size_px=size_px, shape=shape, generator=rng())
    return draw.boxes.reshape(-1, 4)


def test_worked_example() -> None:
    draw = ErasingDraw(np.array([[[0, 1, 2, 2]], [[2, 0, 1, 1]]]), 3, 3)
    erased = apply_random_erasing(torch.ones(2, 1, 3, 3), draw, fill=7.0)
    assert erased[:, 0].tolist() == [
        [[1, 7, 7], [1, 7, 7], [1, 1, 1]],
        [[1, 1, 1], [1, 1, 1], [7, 1, 1]],
    ]


@given(st.integers(1, 4), SIDES, SIDES, st.data(), SEEDS)
def test_draw_is_inside_and_repeatable(
    batch_size: int, height: int, width: int, data: st.DataObject, seed: int
) -> None:
    area = sorted(data.draw(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1))))
    aspect = sorted(data.draw(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10))))
    shape = ErasingShape((area[0], area[1]), (aspect[0], aspect[1]), data.draw(st.integers(1, 3)))
    draw = draw_random_erasing(batch_size, size_px=(height, width), shape=shape, generator=rng(seed))
    again = draw_random_erasing(batch_size, size_px=(height, width), shape=shape, generator=rng(seed))
    assert draw.boxes.shape == (batch_size, shape.holes, 4)
    assert (draw.height, draw.width) == (height, width)
    assert (draw.boxes >= 0).all()
    assert (draw.boxes[..., :2] + draw.boxes[..., 2:] <= [height, width]).all()
    is_erased = (draw.boxes[..., 2:] > 0).all(-1)
    assert (draw.boxes[~is_erased] == 0).all()
    assert draw.boxes.tolist() == again.boxes.tolist()


def test_draws_go_on_from_the_generator_and_touch_nothing_else() -> None:
    before = torch.random.get_rng_state()
    generator = rng()
    first, second = (draw_random_erasing(64, size_px=(32, 32), generator=generator) for _ in range(2))
    assert first.boxes.tolist() != second.boxes.tolist()
    assert len(set(map(tuple, first.boxes[:, 0].tolist()))) > 1
    assert torch.equal(torch.random.get_rng_state(), before)


def test_area_is_uniform_and_aspect_log_uniform() -> None:
    # So small that every first attempt fits, so large that whole pixels do not matter.
    boxes = boxes_of((4000, 2000), ErasingShape((0.02, 0.12), (0.25, 3.0))).astype(np.float64)
    area = (boxes[:, 2] * boxes[:, 3] / 8e6 - 0.02) / 0.1
    aspect = (np.log(boxes[:, 2] / boxes[:, 3]) - math.log(0.25)) / math.log(12)
    for shares in (area, aspect):
        distance = np.abs(np.sort(shares) - (np.arange(NUM_DRAWS) + 0.5) / NUM_DRAWS).max()
        assert distance < 1.63 / math.sqrt(NUM_DRAWS)  # Kolmogorov's bound at 1 %
    assert abs(np.corrcoef(area, aspect)[0, 1]) < 3 / math.sqrt(NUM_DRAWS)


def test_places_are_uniform() -> None:
    # Area 6 and aspect 1.5: 3 rows, 2 columns.
    boxes = boxes_of((4, 5), ErasingShape((0.3, 0.3), (1.5, 1.5)))
    counts = dict.fromkeys(product(range(2), range(4), [3], [2]), 0)
    for box in boxes.tolist():
        counts[tuple(box)] += 1
    expected = NUM_DRAWS / len(counts)
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 18.5  # chi-square, 7 df, 1 %


def test_the_whole_image_can_be_erased() -> None:
    assert boxes_of((5, 5), ErasingShape((1.0, 1.0), (1.0, 1.0)))[0].tolist() == [0, 0, 5, 5]


def test_what_fits_in_no_attempt_is_left() -> None:
    assert (boxes_of((5, 5), ErasingShape((0.9, 1.0), (4.0, 5.0))) == 0).all()


def test_ten_attempts() -> None:
    # A square of area u fits into H x 4H if u <= 1/4, so one attempt fits with probability 1/4.
    boxes = boxes_of((500, 2000), ErasingShape((1e-6, 1.0), (1.0, 1.0)))
    unerased, expected = (boxes[:, 2] == 0).mean(), 0.75**10
    assert abs(unerased - expected) < 4 * math.sqrt(expected * (1 - expected) / NUM_DRAWS)
    area = np.sort((boxes[boxes[:, 2] > 0, 2] ** 2) / 250_000)
    assert np.abs(area - (np.arange(len(area)) + 0.5) / len(area)).max() < 1.63 / math.sqrt(len(area))


def test_a_sliver_has_at_least_one_pixel() -> None:
    boxes = boxes_of((2, 2), ErasingShape((0.01, 0.01), (1.0, 1.0)))
    assert (boxes[:, 2:] == 1).all()


def test_the_holes_of_an_image_are_independent() -> None:
    shape = ErasingShape((0.25, 0.25), (1.0, 1.0), holes=2)
    draw = draw_random_erasing(NUM_DRAWS, size_px=(2, 2), shape=shape, generator=rng())
    places = draw.boxes[..., 0] * 2 + draw.boxes[..., 1]
    counts = np.bincount(places[:, 0] * 4 + places[:, 1], minlength=16)
    assert ((counts - NUM_DRAWS / 16) ** 2 / (NUM_DRAWS / 16)).sum() < 30.6  # chi-square, 15 df, 1 %


def test_same_law_as_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timm.data.random_erasing.random", random.Random(0))
    erase = RandomErasing(1.0, min_area=0.02, max_area=0.33, min_aspect=0.3, max_aspect=3.3, device="cpu")
    erased = erase(torch.ones(NUM_TIMM, 1, 64, 48))[:, 0].numpy() == 0
    ours = boxes_of((64, 48), ErasingShape())
    rows, columns = erased.any(2), erased.any(1)
    theirs = np.stack([rows.argmax(1), columns.argmax(1), rows.sum(1), columns.sum(1)], axis=1)
    for axis in range(4):
        assert kolmogorov_distance(ours[:, axis], theirs[:, axis]) < 1
    assert kolmogorov_distance(ours[:, 2] * ours[:, 3], theirs[:, 2] * theirs[:, 3]) < 1


def test_the_defaults_are_those_of_the_shape() -> None:
    given = draw_random_erasing(8, size_px=(32, 32), generator=rng())
    assert ErasingShape() == ErasingShape(area=(0.02, 0.33), aspect=(0.3, 3.3), holes=1)
    assert (
        given.boxes.tolist()
        == draw_random_erasing(8, size_px=(32, 32), shape=ErasingShape(), generator=rng()).boxes.tolist()
    )


def test_cutout_inside_is_a_special_case() -> None:
    draw = draw_cutout(64, size_px=(8, 8), shape=CutoutShape(4, border="inside"), generator=rng())
    same = boxes_of((8, 8), ErasingShape((0.25, 0.25), (1.0, 1.0)))
    assert set(map(tuple, draw.boxes[:, 0].tolist())) <= set(map(tuple, same.tolist()))
    inputs = images(0, 64, 3, 8, 8)
    assert torch.equal(apply_random_erasing(inputs, draw, fill=0.5), apply_cutout(inputs, draw, fill=0.5))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_contract(dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    inputs = images(0, 5, 3, 8, 6).to(dtype).contiguous(memory_format=memory_format)
    before = inputs.clone()
    draw = draw_random_erasing(5, size_px=(8, 6), generator=rng())
    erased = apply_random_erasing(inputs, draw, fill=(0.3, 0.3, 0.3))
    assert erased.dtype == dtype
    assert erased.stride() == inputs.stride()
    assert torch.equal(inputs, before)
    assert set(erased[erased != inputs].tolist()) == {torch.tensor(0.3, dtype=dtype).item()}
    assert apply_random_erasing(inputs, draw, fill=0.3, inplace=True) is inputs
    assert torch.equal(inputs, erased)


def test_two_operators_and_no_wait_for_the_device() -> None:
    device = fake_device()
    draw = draw_random_erasing(4, size_px=(8, 6), generator=rng())
    with FakeTensorMode():
        inputs = torch.empty(4, 3, 8, 6, device=device)
        assert apply_random_erasing(inputs, draw).device.type == device
        calls = aten_calls(lambda: apply_random_erasing(inputs, draw))
    assert calls == ["aten.bitwise_and.Tensor", "aten.where.self"]


def test_inputs_that_are_not_the_images_of_the_draw_are_refused() -> None:
    draw = draw_random_erasing(2, size_px=(8, 6), generator=rng())
    expected = (
        r"^mixing\.apply_random_erasing: inputs must be floating point, got torch\.uint8\. Convert and normalize "
    )
    with pytest.raises(TypeError, match=expected):
        apply_random_erasing(torch.zeros(2, 3, 8, 6, dtype=torch.uint8), draw)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (1.0, TypeError)])
def test_draw_arguments_out_of_range(value: Any, error: type[Exception]) -> None:
    expected = rf"^mixing\.draw_random_erasing: batch_size must be a positive integer, got {value}\.$"
    with pytest.raises(error, match=expected):
        draw_random_erasing(value, size_px=(8, 6), generator=rng())
    with pytest.raises(error, match=r"^mixing\.draw_random_erasing: H of size_px must be a positive integer, got "):
        draw_random_erasing(2, size_px=(value, 6), generator=rng())
    with pytest.raises(error, match=rf"^ErasingShape: holes must be a positive integer, got {value}\.$"):
        ErasingShape(holes=value)


@pytest.mark.parametrize("argument", ["area", "aspect"])
@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.3, TypeError, r"be a tuple \(smallest, largest\), got 0\.3"),
        ((0.1, 0.2, 0.3), TypeError, r"be a tuple \(smallest, largest\), got \(0\.1, 0\.2, 0\.3\)"),
        ((0.1, "0.2"), TypeError, r"be a positive number, got '0\.2'"),
        ((0.0, 0.2), ValueError, r"be a positive number, got 0\.0"),
        ((0.1, math.inf), ValueError, r"be a positive number, got inf"),
        ((0.3, 0.2), ValueError, r"have its ends in order, got \(0\.3, 0\.2\)"),
    ],
)
def test_ranges_out_of_order_are_refused(argument: str, value: Any, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=rf"^ErasingShape: {argument} must {expected}\.$"):
        ErasingShape(**{argument: value})


def test_more_than_the_image_cannot_be_erased() -> None:
    with pytest.raises(ValueError, match=r"^ErasingShape: area must be at most 1, got \(0\.1, 1\.1\)\.$"):
        ErasingShape(area=(0.1, 1.1))
    ErasingShape(area=(0.1, 1.0), aspect=(3.0, 3.0))
