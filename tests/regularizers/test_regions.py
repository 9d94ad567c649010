"""Where regions begin, against torch's own sequences and slow loops; what is in them."""

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from lightning_regkit.regularizers import pool_regions, pseudorandom_starts, random_starts
from tests.mixing.support import fake_device

SIZES = [(size, out, k) for size in range(1, 13) for k in range(1, size + 1) for out in range(1, size - k + 2)]


def slow(image: list[list[float]], rows: list[int], columns: list[int], kernel: int) -> list[list[float]]:
    return [
        [max(image[row + i][column + j] for i in range(kernel) for j in range(kernel)) for column in columns]
        for row in rows
    ]


@pytest.mark.parametrize("u", [0.0, 0.25, 0.5, 0.99])
def test_the_sequences_of_torch(u: float) -> None:
    for size, out, kernel in SIZES:
        image = torch.arange(float(size)).expand(1, 1, size, size).contiguous()  # the largest is the last column
        samples = torch.full((1, 1, 2), u)
        pooled = functional.fractional_max_pool2d(image, kernel, output_size=(out, out), _random_samples=samples)
        expected = (pooled[0, 0, 0] - (kernel - 1)).tolist()
        assert pseudorandom_starts(size, out, kernel, u).tolist() == expected, (size, out, kernel)


@pytest.mark.parametrize(("size", "out"), [(25, 18), (36, 25), (51, 36)])
def test_the_papers_sequences_have_the_same_increments(size: int, out: int) -> None:
    # Graham: a_i = ceil(alpha (i + u)), alpha = N_in / N_out; torch's last region ends at the edge.
    alpha = size / out
    paper = Counter(math.ceil(alpha * (i + 1.5)) - math.ceil(alpha * (i + 0.5)) for i in range(out))
    ours = Counter(pseudorandom_starts(size, out, 1, 0.5).diff().tolist())
    assert set(ours) == set(paper) == {1, 2}
    assert abs(ours[2] - paper[2]) <= 1


@given(st.integers(0, 2**31))
def test_random_increments(seed: int) -> None:
    torch.manual_seed(seed)
    size, out, kernel = SIZES[seed % len(SIZES)]
    starts = random_starts(size, out, kernel).tolist()
    assert len(starts) == out
    if out == 1:
        assert 0 <= starts[0] <= size - kernel
        return
    steps = Counter(after - before for before, after in pairwise(starts))
    step, longer = divmod(size - kernel, out - 1)
    expected = {step: out - 1 - longer, step + 1: longer}
    assert steps == {key: count for key, count in expected.items() if count}
    assert (starts[0], starts[-1]) == (0, size - kernel)


def test_every_order_is_as_likely() -> None:
    count = 6000
    found = Counter(tuple(random_starts(7, 4, 2).tolist()) for _ in range(count))
    assert len(found) == 3  # two of three increments are 2
    assert all(abs(times - count / 3) <= 4 * (count * 2 / 9) ** 0.5 for times in found.values())
    places = Counter(random_starts(4, 1, 2).item() for _ in range(count))
    assert sorted(places) == [0, 1, 2]
    assert all(abs(times - count / 3) <= 4 * (count * 2 / 9) ** 0.5 for times in places.values())


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_largest_of_each_region(dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    for size, out, kernel in SIZES[::7]:
        width = size + 1
        image = torch.randn(2, 3, size, width).to(dtype).contiguous(memory_format=memory_format)
        before = image.clone()
        starts = random_starts(size, out, kernel), random_starts(width, out, kernel)
        pooled = pool_regions(image, starts, kernel)
        assert pooled.dtype == dtype
        assert pooled.is_contiguous(memory_format=memory_format)
        expected = [
            [slow(plane.tolist(), starts[0].tolist(), starts[1].tolist(), kernel) for plane in planes]
            for planes in image
        ]
        assert torch.equal(pooled, torch.tensor(expected, dtype=dtype))
        assert torch.equal(image, before)


def test_gradients_go_to_the_largest() -> None:
    image = torch.tensor([[[[1.0, 5.0, 2.0], [0.0, 3.0, 4.0]]]], requires_grad=True)
    pool_regions(image, (torch.tensor([0]), torch.tensor([0, 1])), 2).sum().backward()
    assert image.grad is not None
    assert image.grad.tolist() == [[[[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]]]


def test_no_wait_for_the_device() -> None:
    device = fake_device()
    with FakeTensorMode(), torch.device(device):
        image = torch.empty(2, 3, 25, 25)
        starts: Any = tuple(random_starts(25, 18, 2, torch.device(device)) for _ in range(2))
        pooled: Tensor = pool_regions(image, starts, 2)
    assert (tuple(pooled.shape), pooled.device.type) == ((2, 3, 18, 18), device)


def fixed_starts(size_px: int, output_px: int, kernel_px: int) -> Tensor:
    return pseudorandom_starts(size_px, output_px, kernel_px, 0.5)


@pytest.mark.parametrize("make", [random_starts, fixed_starts])
def test_refusals(make: Any) -> None:
    with pytest.raises(ValueError, match="FractionalPooling") as caught:
        make(5, 5, 2)
    assert str(caught.value) == (
        "FractionalPooling: output_px must be at most 4, for 5 pixels and regions of 2, got 5. "
        "Pool less, or take smaller regions."
    )
    with pytest.raises(ValueError, match="FractionalPooling: output_px must be at most 0, for 2 pixels"):
        make(2, 1, 5)
    with pytest.raises(ValueError, match="FractionalPooling: kernel_px must be a positive integer, got 0"):
        make(5, 5, 0)
