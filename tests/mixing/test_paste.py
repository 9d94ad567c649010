import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.mixing._paste import paste, paste_color
from lightning_regkit.mixing._regions import clip_boxes
from tests.mixing.support import Array, aten_calls, fake_device, images, watched

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
FORMATS = [torch.contiguous_format, torch.channels_last]
SIZE_PX = (5, 7)
SEEDS = st.integers(0, 2**32 - 1)


def boxes_of(generator: np.random.Generator, *shape: int) -> Array:
    start = generator.integers(-2, 6, size=(*shape, 2))
    return clip_boxes(start, generator.integers(0, 6, size=start.shape), SIZE_PX)


def pasted(inputs: Tensor, boxes: Array, partner: Array) -> Tensor:
    expected = inputs.clone()
    for i, ((top, left, height, width), j) in enumerate(zip(boxes.tolist(), partner.tolist(), strict=True)):
        for row in range(top, top + height):
            for column in range(left, left + width):
                expected[i, :, row, column] = inputs[j, :, row, column]
    return expected


@given(st.integers(1, 6), st.sampled_from(["permutation", "any"]), SEEDS)
def test_paste_equals_a_loop_in_place_and_on_a_device(batch_size: int, kind: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    inputs = images(seed, batch_size, 2, *SIZE_PX)
    boxes = boxes_of(generator, batch_size)
    partner = (
        generator.permutation(batch_size) if kind == "permutation" else generator.integers(batch_size, size=batch_size)
    )
    expected = pasted(inputs, boxes, partner)
    assert torch.equal(paste(inputs, boxes, partner, inplace=False), expected)
    assert torch.equal(watched(lambda given: paste(given, boxes, partner, inplace=False), inputs), expected)
    assert paste(inputs, boxes, partner, inplace=True) is inputs
    assert torch.equal(inputs, expected)


@given(st.integers(1, 4), st.integers(1, 3), SEEDS)
def test_paste_color_equals_a_loop_in_place_and_on_a_device(batch_size: int, holes: int, seed: int) -> None:
    inputs = images(seed, batch_size, 2, *SIZE_PX)
    boxes = boxes_of(np.random.default_rng(seed), batch_size, holes)
    for color in ((0.5,), (-1.0, 2.0)):
        expected = inputs.clone()
        for image, holes_of_image in zip(expected, boxes.tolist(), strict=True):
            for top, left, height, width in holes_of_image:
                for channel, value in enumerate(color * (2 // len(color))):
                    image[channel, top : top + height, left : left + width] = value
        assert torch.equal(paste_color(inputs, boxes, color, inplace=False), expected)
        apply = partial(paste_color, boxes=boxes, color=color, inplace=False)
        assert torch.equal(watched(apply, inputs), expected)
        written = inputs.clone()
        assert paste_color(written, boxes, color, inplace=True) is written
        assert torch.equal(written, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("memory_format", FORMATS)
def test_contract(dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    generator = np.random.default_rng(0)
    inputs = images(0, 4, 3, *SIZE_PX).to(dtype).contiguous(memory_format=memory_format)
    inputs[0, 0, 0, 0] = math.nan
    before = inputs.clone()
    boxes, partner = boxes_of(generator, 4), generator.permutation(4)
    ways: list[Any] = [
        lambda given: paste(given, boxes, partner, inplace=False),
        lambda given: paste_color(given, boxes[:, None], (0.3,), inplace=False),
    ]
    for way in ways:
        made = way(inputs)
        assert made.dtype == dtype
        assert made.stride() == inputs.stride()
        assert made.data_ptr() != inputs.data_ptr()
        assert torch.equal(inputs.nan_to_num(99.0), before.nan_to_num(99.0))
        on_device = watched(way, inputs)
        assert on_device.stride() == inputs.stride()
        assert torch.equal(made.nan_to_num(99.0), on_device.nan_to_num(99.0))


def test_layouts_without_a_memory_format() -> None:
    base = images(0, 4, 3, 7, 5)
    boxes, partner = boxes_of(np.random.default_rng(0), 4), np.array([1, 2, 3, 0])
    for inputs in (
        base.transpose(2, 3),
        images(0, 4, 3, 5, 9)[..., 1:8],
        base[:, :1].transpose(2, 3).expand(4, 3, 5, 7),
    ):
        expected = pasted(inputs, boxes, partner)
        assert torch.equal(paste(inputs, boxes, partner, inplace=False), expected)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("inplace", [False, True])
def test_at_most_four_operators_and_no_wait_for_the_device(
    memory_format: torch.memory_format,
    inplace: bool,
) -> None:
    device = fake_device()
    generator = np.random.default_rng(0)
    boxes, holes, partner = boxes_of(generator, 4), boxes_of(generator, 4, 3), generator.permutation(4)
    mask, written = ["aten.bitwise_and.Tensor"], ["aten.copy_.default"] * inplace
    with FakeTensorMode():
        inputs = torch.empty(4, 3, *SIZE_PX, device=device).contiguous(memory_format=memory_format)
        ways: list[Any] = [
            (lambda: paste(inputs, boxes, partner, inplace=inplace), [*mask, "aten.index.Tensor"]),
            (lambda: paste_color(inputs, boxes[:, None], (0.0,), inplace=inplace), mask),
            (lambda: paste_color(inputs, boxes[:, None], (0.0, 1.0, 2.0), inplace=inplace), mask),
            (lambda: paste_color(inputs, holes, (0.0, 1.0, 2.0), inplace=inplace), [*mask, "aten.any.dim"]),
        ]
        # The fake of torch 2.6 loses the memory format in indexing; the real one keeps it, as the tests above see.
        keeps_format = inputs[torch.arange(4, device=device)].stride() == inputs.stride()
        for way, first in ways:
            made = way()
            assert made.device.type == device
            assert made.stride() == inputs.stride() or not keeps_format
            assert aten_calls(way) == [*first, "aten.where.self", *written]
            assert len(aten_calls(way)) <= 4


@pytest.mark.parametrize("way", ["paste", "paste_color"])
def test_autograd_sees_the_change_in_place(way: str) -> None:
    inputs = torch.ones(2, 1, 1, 3)
    weight = torch.ones(3, requires_grad=True)
    loss = (inputs * weight).sum()
    boxes = np.array([[0, 0, 1, 1]] * 2)
    if way == "paste":
        paste(inputs, boxes, np.array([1, 0]), inplace=True)
    else:
        paste_color(inputs, boxes[:, None], (0.0,), inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_gradients_flow_to_the_image_a_pixel_comes_from() -> None:
    inputs = images(0, 2, 1, 1, 2).requires_grad_()
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0, 0]])
    paste(inputs, boxes, np.array([1, 0]), inplace=False)[0].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.flatten(1).tolist() == [[0.0, 1.0], [1.0, 0.0]]
