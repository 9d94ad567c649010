"""Sizes worked by hand and by others; images against Pillow's and torchvision's."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.transforms import v2

from lightning_regkit.mixing import SizeRamp, check_initial_frac, resize_inputs
from tests.mixing.support import fake_device, images

SHARES = st.floats(0.01, 0.99)
STEPS = st.integers(0, 50)
SIDES = st.integers(1, 300)


def test_worked_sizes() -> None:
    """From 1/2 at step 10 to 1 at step 30: 1/2 + 1/40 a step."""
    ramp = SizeRamp(0.5, start_step=10, end_step=30)
    assert [ramp.frac(step) for step in (0, 10, 20, 29, 30, 31)] == [0.5, 0.5, 0.75, 0.975, 1.0, 1.0]
    # 0.55 x 224 = 123.2 is nearest to 31 x 4 = 124; 0.525 x 100 = 52.5 to 13 x 4; 0.725 x 224 = 162.4 to 41 x 4 = 164.
    assert ramp.size_px(12, (224, 100)) == (124, 56)
    assert ramp.size_px(11, (224, 100)) == (116, 52)
    assert ramp.size_px(19, (224, 224)) == (164, 164)
    assert ramp.size_px(30, (225, 99)) == (225, 99), "whole, though no multiples"


def test_halves_go_up_and_there_is_always_one_multiple() -> None:
    ramp = SizeRamp(0.5, 0, 100, multiple_px=32)
    assert ramp.size_px(0, (224, 224)) == (128, 128), "112 is 3.5 multiples"
    assert ramp.size_px(0, (32, 40)) == (32, 32)
    assert ramp.size_px(0, (20, 7)) == (20, 7), "no more than there is"
    assert SizeRamp(0.01, 0, 100, 4).size_px(0, (32, 32)) == (4, 4)


def test_images_may_jump_to_their_whole_size() -> None:
    ramp = SizeRamp(0.25, start_step=5, end_step=5)
    assert [ramp.size_px(step, (16, 16)) for step in (4, 5)] == [(4, 4), (16, 16)]
    assert SizeRamp(0.25, 0, 0).frac(0) == 1


def test_sizes_are_those_of_ffcv_between_the_ends() -> None:
    """libffcv/ffcv-imagenet: from 160 to 192, by numpy's interpolation and rounding to multiples of 32."""
    ramp = SizeRamp(160 / 192, start_step=0, end_step=13, multiple_px=32)
    for epoch in range(14):
        interpolated = np.interp([epoch], [0, 13], [160, 192])
        assert ramp.size_px(epoch, (192, 192))[0] == int(np.round(interpolated[0] / 32)) * 32


@given(SHARES, STEPS, STEPS, st.integers(1, 40), SIDES)
def test_it_never_shrinks_and_ends_whole(initial: float, start: int, more: int, multiple: int, side: int) -> None:
    ramp = SizeRamp(initial, start, start + more, multiple)
    sizes = [ramp.size_px(step, (side, side))[0] for step in range(start + more + 2)]
    assert sizes == sorted(sizes)
    assert sizes[-2:] == [side, side]
    for step, size in enumerate(sizes):
        assert 1 <= size <= side
        share = initial + (1 - initial) * min(max((step - start) / max(more, 1), 0), 1) if step < start + more else 1
        assert size == side or size % multiple == 0
        assert size in {side, multiple} or abs(size - share * side) <= multiple / 2 + 1e-9


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((0.0, 0, 1), ValueError, "SizeRamp: initial_frac must be between 0 and 1, got 0.0. To begin with whole"),
        ((1, 0, 1), ValueError, "SizeRamp: initial_frac must be between 0 and 1, got 1. To begin with whole images,"),
        ((1.5, 0, 1), ValueError, "SizeRamp: initial_frac must be a number in [0, 1], got 1.5."),
        (("half", 0, 1), TypeError, "SizeRamp: initial_frac must be a number in [0, 1], got 'half'."),
        ((0.5, -1, 1), ValueError, "SizeRamp: start_step must be an integer of at least 0, got -1."),
        ((0.5, 0, 1.0), TypeError, "SizeRamp: end_step must be an integer of at least 0, got 1.0."),
        ((0.5, 3, 2), ValueError, "SizeRamp: end_step must be at least start_step, 3, got 2."),
        ((0.5, 0, 1, 0), ValueError, "SizeRamp: multiple_px must be a positive integer, got 0."),
    ],
)
def test_bad_arguments(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        SizeRamp(*arguments)


def test_a_bad_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^SizeRamp\.size_px: W of size_px must be a positive integer, got 0\.$"):
        SizeRamp(0.5, 0, 1).size_px(0, (4, 0))


def test_the_share_is_checked_for_whoever_asks() -> None:
    assert check_initial_frac("Own", 0.25) == 0.25
    with pytest.raises(ValueError, match=r"^Own: initial_frac must be between 0 and 1, got 1\. To begin with whole"):
        check_initial_frac("Own", 1)


@pytest.mark.parametrize("size_px", [(9, 7), (4, 12), (17, 3), (1, 1)])
def test_images_are_those_of_pillow(size_px: tuple[int, int]) -> None:
    inputs = images(0, 2, 3, 17, 12)
    resized = resize_inputs(inputs, size_px)
    assert (resized.shape, resized.dtype) == ((2, 3, *size_px), torch.float32)
    for image, channels in zip(inputs, resized, strict=True):
        for plane, found in zip(image, channels, strict=True):
            pillow = Image.fromarray(plane.numpy()).resize(size_px[::-1], Image.Resampling.BILINEAR)
            np.testing.assert_allclose(found, np.asarray(pillow), atol=1e-5)


def test_images_are_those_of_torchvision() -> None:
    inputs = images(1, 2, 3, 32, 32)
    torch.testing.assert_close(resize_inputs(inputs, (20, 20)), v2.functional.resize(inputs, [20, 20], antialias=True))


def test_halves_are_means_with_the_weights_of_a_triangle() -> None:
    """Shrinking by 2 weighs the four pixels around by 1, 3, 3, 1; at the border what is there."""
    found = resize_inputs(torch.tensor([[[[8.0, 0.0, 0.0, 0.0, 0.0, 8.0]]]]), (1, 3))
    assert found.flatten().tolist() == pytest.approx([8 * 3 / 7, 0.0, 8 * 3 / 7])


def test_a_constant_image_stays_constant() -> None:
    resized = resize_inputs(torch.full((1, 1, 30, 30), 1.5), (7, 11))
    torch.testing.assert_close(resized, torch.full((1, 1, 7, 11), 1.5))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_types_keep_theirs(dtype: torch.dtype) -> None:
    inputs = images(2, 2, 1, 12, 12).to(dtype)
    resized = resize_inputs(inputs, (5, 5))
    assert resized.dtype == dtype
    torch.testing.assert_close(resized, resize_inputs(inputs.double(), (5, 5)).to(dtype))


def test_nothing_is_done_to_images_of_that_size_or_to_those_given() -> None:
    inputs = images(3, 2, 3, 8, 8)
    held = inputs.clone()
    assert resize_inputs(inputs, (8, 8)) is inputs
    assert resize_inputs(inputs, (4, 4)) is not inputs
    assert torch.equal(inputs, held)


def test_channels_last_stay_so() -> None:
    inputs = images(4, 2, 3, 8, 8).to(memory_format=torch.channels_last)
    resized = resize_inputs(inputs, (4, 4))
    assert resized.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(resized, resize_inputs(inputs.contiguous(), (4, 4)))


def test_on_a_device_nothing_waits_for_the_host() -> None:
    with FakeTensorMode():
        inputs = torch.empty(2, 3, 32, 32, device=fake_device())
        resized = resize_inputs(inputs, SizeRamp(0.5, 0, 10).size_px(3, (32, 32)))
        assert (resized.device, resized.shape) == (inputs.device, (2, 3, 20, 20))


@pytest.mark.parametrize(
    ("inputs", "size_px", "error", "text"),
    [
        (
            torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
            (2, 2),
            TypeError,
            "inputs must be floating point, got torch.uint",
        ),
        (torch.zeros(3, 4, 4), (2, 2), ValueError, "inputs must be images (B, C, H, W), got (3, 4, 4)."),
        (torch.zeros(1, 3, 4, 4), (2, 0), ValueError, "W of size_px must be a positive integer, got 0."),
        (torch.zeros(1, 3, 4, 4), 2, TypeError, "size_px must be a tuple (H, W), got 2."),
    ],
)
def test_what_cannot_be_resized_is_refused(inputs: Any, size_px: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'mixing.resize_inputs: {text}')}"):
        resize_inputs(inputs, size_px)


def test_the_cost_of_a_ramp() -> None:
    """Pixels of a run: the mean of f squared, 1/4 + 1/4 + 1/12 from one half to the whole, then 1."""
    ramp = SizeRamp(0.5, 0, 8000)
    shares = [ramp.frac(step) ** 2 for step in range(10_000)]
    assert math.fsum(shares) / 10_000 == pytest.approx(0.8 * 7 / 12 + 0.2, abs=1e-4)
