from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit._boxes import Box
from lightning_regkit.mixing._regions import check_boxes, check_images, check_size_px, clip_boxes, region_mask
from tests.mixing.support import aten_calls, fake_device

CPU = torch.device("cpu")
EDGES = st.integers(-9, 9)
LENGTHS = st.integers(0, 12)
SIDES = st.integers(1, 7)


def test_check_size_px_returns_what_it_accepts() -> None:
    assert check_size_px("draw", (1, 48)) == (1, 48)
    assert check_size_px("draw", torch.zeros(2, 3, 8, 6).shape[-2:]) == (8, 6)


@pytest.mark.parametrize("size_px", [[32, 32], 32, (32,), (3, 32, 32)])
def test_a_size_of_another_kind_is_refused(size_px: Any) -> None:
    with pytest.raises(TypeError, match=r"^draw: size_px must be a tuple \(H, W\), got ") as caught:
        check_size_px("draw", size_px)
    assert str(caught.value).endswith(f"got {size_px!r}.")


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (8.0, TypeError)])
def test_sides_out_of_range_are_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^draw: H of size_px must be a positive integer, got {value}\.$"):
        check_size_px("draw", (value, 8))
    with pytest.raises(error, match=rf"^draw: W of size_px must be a positive integer, got {value}\.$"):
        check_size_px("draw", (8, value))


@pytest.mark.parametrize("box", [[0, 0, 4, 6], [3, 5, 1, 1], [4, 6, 0, 0]])
def test_boxes_inside_are_accepted(box: list[int]) -> None:
    check_boxes("Draw", np.array([box]), ("B", "4"), (4, 6))
    check_boxes("Draw", np.array([[box, box]]), ("B", "K", "4"), (4, 6))


@pytest.mark.parametrize("shape", [(4,), (1, 3), (1, 1, 4), (0, 4)])
def test_boxes_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^Draw: boxes must be of shape \(B, 4\), got ") as caught:
        check_boxes("Draw", np.zeros(shape, dtype=np.int64), ("B", "4"), (4, 4))
    assert str(caught.value).endswith(f"got {shape}.")


@pytest.mark.parametrize("box", [[-1, 0, 1, 1], [0, 0, -1, 1], [3, 0, 2, 1], [0, 5, 1, 2]])
def test_boxes_outside_the_image_are_refused(box: list[int]) -> None:
    with pytest.raises(ValueError, match=r"^Draw: boxes must be inside the image, 4 x 6, got \[\[") as caught:
        check_boxes("Draw", np.array([box]), ("B", "4"), (4, 6))
    assert str(caught.value).endswith(f"got {[box]}.")
    with pytest.raises(ValueError, match=r"^Draw: boxes must be inside the image, 4 x 6, got \[\[\["):
        check_boxes("Draw", np.array([[[0, 0, 1, 1], box]]), ("B", "K", "4"), (4, 6))


def test_boxes_of_another_dtype_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^Draw: boxes must be a numpy array of int64, got dtype\('float64'\)\.$"):
        check_boxes("Draw", np.zeros((1, 4)), ("B", "4"), (4, 4))


def test_inputs_that_are_not_the_images_of_the_draw_are_refused() -> None:
    check_images("mix", torch.zeros(2, 3, 8, 6), 2, (8, 6))
    with pytest.raises(TypeError, match=r"^mix: inputs must be floating point, got torch\.uint8\. Convert and "):
        check_images("mix", torch.zeros(2, 3, 8, 6, dtype=torch.uint8), 2, (8, 6))
    with pytest.raises(ValueError, match=r"^mix: inputs must have the batch size of the draw, 2, as first dimension"):
        check_images("mix", torch.zeros(3, 3, 8, 6), 2, (8, 6))
    for shape in ((2, 3, 6, 8), (2, 8, 6), (2, 3, 1, 8, 6)):
        with pytest.raises(ValueError, match=r"^mix: inputs must be images \(B, C, 8, 6\), as the draw, got "):
            check_images("mix", torch.zeros(shape), 2, (8, 6))


@given(EDGES, EDGES, LENGTHS, LENGTHS, SIDES, SIDES)
def test_clip_boxes_equals_one_box_at_a_time(
    top: int, left: int, box_height: int, box_width: int, height: int, width: int
) -> None:
    box = Box(top, left, box_height, box_width).clip(height, width)
    clipped = clip_boxes(np.array([[top, left]]), np.array([[box_height, box_width]]), (height, width))
    assert clipped.tolist() == [[box.top, box.left, box.height, box.width]]
    assert clipped.dtype == np.int64


def test_clip_boxes_of_one_length_and_of_any_shape() -> None:
    start = np.array([[[-1, 0], [2, 3]]])
    assert clip_boxes(start, 2, (3, 4)).tolist() == [[[0, 0, 1, 2], [2, 3, 1, 1]]]


@given(st.integers(1, 3), st.integers(1, 3), SIDES, SIDES, st.integers(0, 2**32 - 1))
def test_region_mask_equals_a_loop(batch_size: int, holes: int, height: int, width: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    start = generator.integers(-3, 7, size=(batch_size, holes, 2))
    boxes = clip_boxes(start, generator.integers(0, 5, size=start.shape), (height, width))
    expected = np.zeros((batch_size, 1, height, width), dtype=bool)
    for image, holes_of_image in zip(expected, boxes.tolist(), strict=True):
        for top, left, box_height, box_width in holes_of_image:
            for row, column in product(range(top, top + box_height), range(left, left + box_width)):
                image[0, row, column] = True
    mask = region_mask(boxes, (height, width), CPU)
    assert mask.dtype == torch.bool
    assert np.array_equal(mask.numpy(), expected)


@pytest.mark.parametrize(
    ("holes", "calls"), [(1, ["aten.bitwise_and.Tensor"]), (2, ["aten.bitwise_and.Tensor", "aten.any.dim"])]
)
def test_region_mask_is_made_on_the_device(holes: int, calls: list[str]) -> None:
    device = torch.device(fake_device())
    boxes = np.ones((2, holes, 4), dtype=np.int64)
    with FakeTensorMode():
        assert region_mask(boxes, (4, 5), device).device.type == device.type
        assert region_mask(boxes, (4, 5), device).shape == (2, 1, 4, 5)
        assert aten_calls(lambda: region_mask(boxes, (4, 5), device)) == calls
