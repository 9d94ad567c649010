import math
import random
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.data.random_erasing import RandomErasing
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit._boxes import Box
from lightning_regkit.mixing import CutoutShape, ErasingDraw, apply_cutout, draw_cutout
from tests.mixing.support import aten_calls, fake_device, images

NUM_DRAWS = 8000
SIDES = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)


def draw_for(inputs: Tensor, length_px: int, seed: int = 0, holes: int = 1) -> ErasingDraw:
    shape = CutoutShape(length_px, holes=holes)
    size_px = (inputs.shape[2], inputs.shape[3])
    return draw_cutout(len(inputs), size_px=size_px, shape=shape, generator=np.random.default_rng(seed))


def boxes_of(size_px: tuple[int, int], shape: CutoutShape) -> list[tuple[int, ...]]:
    draw = draw_cutout(NUM_DRAWS, size_px=size_px, shape=shape, generator=np.random.default_rng(0))
    return [tuple(box) for box in draw.boxes.reshape(-1, 4).tolist()]


def official_box(row: int, column: int, height: int, width: int, length: int) -> tuple[int, ...]:
    """The box of the authors' code: clipped corners at center -/+ length // 2."""
    top, bottom = (min(max(edge, 0), height) for edge in (row - length // 2, row + length // 2))
    left, right = (min(max(edge, 0), width) for edge in (column - length // 2, column + length // 2))
    return top, left, bottom - top, right - left


def clipped_box(row: int, column: int, height: int, width: int, length: int) -> tuple[int, ...]:
    box = Box(row - length // 2, column - length // 2, length, length).clip(height, width)
    return box.top, box.left, box.height, box.width


def chi_square(drawn: list[tuple[int, ...]], possible: list[tuple[int, ...]]) -> float:
    """Distance of the boxes drawn from a uniform choice among the ``possible`` (with repetitions)."""
    assert set(drawn) == set(possible)
    expected = {box: len(drawn) * count / len(possible) for box, count in Counter(possible).items()}
    counts = Counter(drawn)
    return sum((counts[box] - mean) ** 2 / mean for box, mean in expected.items())


def test_worked_example() -> None:
    draw = ErasingDraw(np.array([[[0, 1, 2, 2]], [[2, 0, 1, 1]]]), 3, 3)
    erased = apply_cutout(torch.ones(2, 1, 3, 3), draw, fill=7.0)
    assert erased[:, 0].tolist() == [
        [[1, 7, 7], [1, 7, 7], [1, 1, 1]],
        [[1, 1, 1], [1, 1, 1], [7, 1, 1]],
    ]


def test_an_image_of_one_pixel() -> None:
    inputs = torch.ones(2, 3, 1, 1)
    assert apply_cutout(inputs, draw_for(inputs, 1)).tolist() == torch.zeros(2, 3, 1, 1).tolist()


def test_centers_are_uniform_over_all_pixels_as_in_the_official_code() -> None:
    possible = [official_box(row, column, 4, 5, 2) for row, column in product(range(4), range(5))]
    assert chi_square(boxes_of((4, 5), CutoutShape(2)), possible) < 36.2  # 19 df, 1 %


def test_squares_inside_are_uniform_over_all_places() -> None:
    possible = [(row, column, 2, 2) for row, column in product(range(3), range(4))]
    assert chi_square(boxes_of((4, 5), CutoutShape(2, border="inside")), possible) < 24.7  # 11 df, 1 %


def test_a_square_inside_may_fill_the_shorter_side() -> None:
    assert set(boxes_of((4, 5), CutoutShape(4, border="inside"))) == {(0, 0, 4, 4), (0, 1, 4, 4)}


def test_the_holes_of_an_image_are_independent() -> None:
    draw = draw_cutout(NUM_DRAWS, size_px=(2, 2), shape=CutoutShape(1, holes=2), generator=np.random.default_rng(0))
    assert draw.boxes.shape == (NUM_DRAWS, 2, 4)
    pairs = [tuple(pair) for pair in draw.boxes[..., :2].reshape(NUM_DRAWS, 4).tolist()]
    assert chi_square(pairs, list(product(range(2), repeat=4))) < 30.6  # 15 df, 1 %


def test_odd_lengths_erase_their_whole_length() -> None:
    drawn = boxes_of((4, 5), CutoutShape(3))
    possible = [clipped_box(row, column, 4, 5, 3) for row, column in product(range(4), range(5))]
    assert chi_square(drawn, possible) < 36.2  # 19 df, 1 %
    assert max(height for _, _, height, _ in drawn) == 3


def test_the_two_definitions_are_equal_for_even_lengths() -> None:
    for length, row, column in product((2, 4), range(6), range(7)):
        assert clipped_box(row, column, 6, 7, length) == official_box(row, column, 6, 7, length)


def test_mean_erased_area_of_16_in_32() -> None:
    # Along an axis, centers 8 to 24 keep 16 pixels; 0 to 7 keep 8 to 15; 25 to 31 keep 15 to 9.
    mean_length = (17 * 16 + sum(range(8, 16)) + sum(range(9, 16))) / 32
    expected = (mean_length / 32) ** 2
    assert expected == pytest.approx(0.191, abs=5e-4)
    boxes = np.array(boxes_of((32, 32), CutoutShape(16)))
    areas = boxes[:, 2] * boxes[:, 3] / 32**2
    assert abs(areas.mean() - expected) < 4 * areas.std() / math.sqrt(NUM_DRAWS)


@given(st.integers(1, 4), SIDES, SIDES, st.data(), SEEDS)
def test_draw_is_inside_not_empty_and_repeatable(
    batch_size: int, height: int, width: int, data: st.DataObject, seed: int
) -> None:
    length = data.draw(st.integers(1, min(height, width)))
    border = data.draw(st.sampled_from(["clip", "inside"]))
    options: dict[str, Any] = {
        "size_px": (height, width),
        "shape": CutoutShape(length, border, data.draw(st.integers(1, 3))),
    }
    draw = draw_cutout(batch_size, **options, generator=np.random.default_rng(seed))
    again = draw_cutout(batch_size, **options, generator=np.random.default_rng(seed))
    assert draw.batch_size == batch_size
    assert draw.boxes.shape == (batch_size, options["shape"].holes, 4)
    assert (draw.height, draw.width) == (height, width)
    assert border == "clip" or (draw.boxes[..., 2:] == length).all()
    assert (draw.boxes[..., :2] >= 0).all()
    assert (draw.boxes[..., :2] + draw.boxes[..., 2:] <= [height, width]).all()
    assert (draw.boxes[..., 2:] >= 1).all()
    assert (draw.boxes[..., 2:] >= length // 2).all()
    assert (draw.boxes[..., 2:] <= length).all()
    assert draw.boxes.tolist() == again.boxes.tolist()


def test_draws_go_on_from_the_generator_and_touch_nothing_else() -> None:
    before = torch.random.get_rng_state()
    generator = np.random.default_rng(0)
    first, second = (draw_cutout(64, size_px=(32, 32), shape=CutoutShape(8), generator=generator) for _ in range(2))
    assert first.boxes.tolist() != second.boxes.tolist()
    assert len(set(map(tuple, first.boxes[:, 0].tolist()))) > 1
    assert torch.equal(torch.random.get_rng_state(), before)


@given(st.integers(1, 4), SIDES, SIDES, st.data(), SEEDS)
def test_apply_equals_a_loop(batch_size: int, height: int, width: int, data: st.DataObject, seed: int) -> None:
    inputs = images(seed, batch_size, 2, height, width)
    draw = draw_for(inputs, data.draw(st.integers(1, min(height, width))), seed, holes=2)
    expected = inputs.clone()
    for image, holes in zip(expected, draw.boxes.tolist(), strict=True):
        for top, left, box_height, box_width in holes:
            for row, column in product(range(top, top + box_height), range(left, left + box_width)):
                image[:, row, column] = -3.0
    assert torch.equal(apply_cutout(inputs, draw, fill=-3.0), expected)
    assert apply_cutout(inputs, draw, fill=(-3.0, -3.0), inplace=True) is inputs
    assert torch.equal(inputs, expected)


def test_equals_timm_on_the_box_it_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timm.data.random_erasing.random", random.Random(0))
    inputs = images(0, 6, 3, 16, 12)
    expected = RandomErasing(probability=1.0, device="cpu")(inputs.clone())
    erased = (expected == 0).all(1).numpy()
    boxes = []
    for mask in erased:
        rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
        boxes.append([[rows[0], columns[0], len(rows), len(columns)]])
    assert torch.equal(apply_cutout(inputs, ErasingDraw(np.array(boxes), 16, 12)), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_contract(dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    inputs = images(0, 4, 3, 8, 6).to(dtype).contiguous(memory_format=memory_format)
    before = inputs.clone()
    erased = apply_cutout(inputs, draw_for(inputs, 4), fill=0.3)
    assert erased.dtype == dtype
    assert erased.stride() == inputs.stride()
    assert erased.data_ptr() != inputs.data_ptr()
    assert torch.equal(inputs, before)
    assert set(erased[erased != inputs].tolist()) == {torch.tensor(0.3, dtype=dtype).item()}


def test_nothing_of_the_erased_pixels_is_left() -> None:
    inputs = torch.full((1, 1, 2, 2), math.nan)
    assert apply_cutout(inputs, ErasingDraw(np.array([[[0, 0, 2, 2]]]), 2, 2)).tolist() == [[[[0.0, 0.0], [0.0, 0.0]]]]


def test_no_gradient_to_erased_pixels() -> None:
    inputs = images(0, 1, 1, 2, 2).requires_grad_()
    apply_cutout(inputs, ErasingDraw(np.array([[[0, 0, 1, 2]]]), 2, 2)).sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.tolist() == [[[[0.0, 0.0], [1.0, 1.0]]]]


def test_two_operators_and_no_wait_for_the_device() -> None:
    device = fake_device()
    draw = draw_for(torch.empty(4, 3, 8, 8), 4)
    with FakeTensorMode():
        inputs = torch.empty(4, 3, 8, 8, device=device).contiguous(memory_format=torch.channels_last)
        erased = apply_cutout(inputs, draw)
        calls = aten_calls(lambda: apply_cutout(inputs, draw))
    assert erased.device.type == device
    assert erased.stride() == inputs.stride()
    assert calls == ["aten.bitwise_and.Tensor", "aten.where.self"]


def test_inputs_that_are_not_the_images_of_the_draw_are_refused() -> None:
    draw = draw_for(torch.empty(2, 3, 8, 6), 4)
    with pytest.raises(TypeError, match=r"^mixing\.apply_cutout: inputs must be floating point, got torch\.uint8\. "):
        apply_cutout(torch.zeros(2, 3, 8, 6, dtype=torch.uint8), draw)
    with pytest.raises(ValueError, match=r"^mixing\.apply_cutout: inputs must have the batch size of the draw, 2, "):
        apply_cutout(torch.zeros(3, 3, 8, 6), draw)
    for shape in ((2, 3, 6, 8), (2, 8, 6), (2, 3, 1, 8, 6)):
        with pytest.raises(
            ValueError, match=r"^mixing\.apply_cutout: inputs must be images \(B, C, 8, 6\), as the draw, "
        ):
            apply_cutout(torch.zeros(shape), draw)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (1.0, TypeError)])
def test_draw_arguments_out_of_range(value: Any, error: type[Exception]) -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(error, match=rf"^mixing\.draw_cutout: batch_size must be a positive integer, got {value}\.$"):
        draw_cutout(value, size_px=(8, 6), shape=CutoutShape(4), generator=generator)
    with pytest.raises(error, match=rf"^mixing\.draw_cutout: W of size_px must be a positive integer, got {value}\.$"):
        draw_cutout(2, size_px=(8, value), shape=CutoutShape(4), generator=generator)
    for argument in ("length_px", "holes"):
        with pytest.raises(error, match=rf"^CutoutShape: {argument} must be a positive integer, got {value}\.$"):
            CutoutShape(**{"length_px": 4, argument: value})


def test_another_border_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^CutoutShape: border must be one of clip, inside, got 'wrap'\.$"):
        CutoutShape(4, border="wrap")


@pytest.mark.parametrize("border", ["clip", "inside"])
def test_a_square_longer_than_the_shorter_side_is_refused(border: Any) -> None:
    expected = r"^mixing\.draw_cutout: length_px must be at most the shorter side, 6, got 7\.$"
    with pytest.raises(ValueError, match=expected):
        draw_cutout(2, size_px=(8, 6), shape=CutoutShape(7, border), generator=np.random.default_rng(0))
