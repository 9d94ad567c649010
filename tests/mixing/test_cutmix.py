import math
import random
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.data.mixup import cutmix_bbox_and_lam
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.transforms import v2

from lightning_regkit.mixing import CutMixDraw, apply_cutmix, draw_cutmix
from tests.mixing.support import Array, aten_calls, fake_device, images, kolmogorov_distance, watched

NUM_DRAWS = 20_000
NUM_LOOPED = 5000
SIDES = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)
PER = st.sampled_from(["batch", "sample"])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def draw_of(boxes: list[list[int]], partner: list[int], height: int, width: int) -> CutMixDraw:
    return CutMixDraw(np.array(boxes), np.array(partner), height, width)


def many(size_px: tuple[int, int], alpha: float = 1.0) -> CutMixDraw:
    return draw_cutmix(NUM_DRAWS, size_px=size_px, alpha=alpha, generator=rng(), per="sample")


def looped_shares(size_px: tuple[int, int], alpha: float) -> Array:
    """lam, one image at a time: paint the box around its center, count what is left."""
    draws = random.Random(0)
    shares = []
    for _ in range(NUM_LOOPED):
        ratio = math.sqrt(1 - draws.betavariate(alpha, alpha))
        is_pasted = np.zeros(size_px, dtype=bool)
        (top, bottom), (left, right) = (
            (center - int(side * ratio) // 2, center + (int(side * ratio) + 1) // 2)
            for side, center in ((side, draws.randrange(side)) for side in size_px)
        )
        is_pasted[max(top, 0) : bottom, max(left, 0) : right] = True
        shares.append(1 - is_pasted.mean())
    return np.array(shares, dtype=np.float32)


def test_worked_example() -> None:
    inputs = torch.arange(18.0).reshape(2, 1, 3, 3)
    mixed = apply_cutmix(inputs, draw_of([[0, 1, 2, 2], [2, 0, 1, 1]], [1, 0], 3, 3))
    assert mixed[:, 0].tolist() == [
        [[0, 10, 11], [3, 13, 14], [6, 7, 8]],
        [[9, 10, 11], [12, 13, 14], [6, 16, 17]],
    ]


def test_lam_is_the_share_of_the_original_that_is_left() -> None:
    draw = draw_of([[0, 0, 0, 0], [0, 0, 4, 5], [1, 1, 2, 3], [3, 0, 1, 5]], [1, 2, 3, 0], 4, 5)
    assert draw.lam.dtype == np.float32
    assert draw.lam.tolist() == np.array([1, 0, 0.7, 0.75], dtype=np.float32).tolist()
    assert draw.batch_size == 4


@given(st.integers(1, 6), SIDES, SIDES, PER, SEEDS)
def test_pixels_come_from_the_partner_in_the_share_of_lam(
    batch_size: int, height: int, width: int, per: Any, seed: int
) -> None:
    draw = draw_cutmix(batch_size, size_px=(height, width), alpha=1.0, generator=rng(seed), per=per)
    inputs = torch.arange(float(batch_size))[:, None, None, None].expand(batch_size, 2, height, width)
    mixed = apply_cutmix(inputs, draw)
    targets = draw.lam * np.arange(batch_size) + (1 - draw.lam) * draw.partner
    np.testing.assert_allclose(mixed.mean((1, 2, 3)).numpy(), targets, atol=1e-5)


@given(st.integers(1, 6), SEEDS)
def test_mass_is_conserved_when_the_box_is_shared(batch_size: int, seed: int) -> None:
    inputs = images(seed, batch_size, 2, 5, 6).double()
    draw = draw_cutmix(batch_size, size_px=(5, 6), alpha=1.0, generator=rng(seed))
    torch.testing.assert_close(apply_cutmix(inputs, draw).sum(0), inputs.sum(0))


@given(st.integers(1, 6), SIDES, SIDES, st.floats(0.01, 10), PER, SEEDS)
def test_draw_is_inside_and_repeatable(
    batch_size: int, height: int, width: int, alpha: float, per: Any, seed: int
) -> None:
    draws = [
        draw_cutmix(batch_size, size_px=(height, width), alpha=alpha, generator=rng(seed), per=per) for _ in range(2)
    ]
    draw, again = draws
    assert draw.batch_size == batch_size
    assert (draw.height, draw.width) == (height, width)
    assert (draw.boxes >= 0).all()
    assert (draw.boxes[:, :2] + draw.boxes[:, 2:] <= [height, width]).all()
    assert sorted(draw.partner.tolist()) == list(range(batch_size))
    assert per == "sample" or (draw.boxes == draw.boxes[0]).all()
    assert draw.boxes.tolist() == again.boxes.tolist()
    assert draw.partner.tolist() == again.partner.tolist()


def test_draws_go_on_from_the_generator_and_touch_nothing_else() -> None:
    before = torch.random.get_rng_state()
    generator = rng()
    first, second = (draw_cutmix(64, size_px=(32, 32), alpha=1.0, generator=generator) for _ in range(2))
    assert first.boxes.tolist() != second.boxes.tolist()
    assert first.partner.tolist() != second.partner.tolist()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_each_sample_has_its_own_box() -> None:
    boxes = draw_cutmix(64, size_px=(32, 32), alpha=1.0, generator=rng(), per="sample").boxes
    assert len(set(map(tuple, boxes.tolist()))) > 50


def test_mean_lam_at_alpha_1() -> None:
    # The side floor(224 r) is s with probability ((s + 1)^2 - s^2) / 224^2, since r^2 is uniform.
    size = np.arange(224)
    kept = [
        np.mean(np.minimum(size - side // 2 + side, 224) - np.maximum(size - side // 2, 0)) / 224 for side in range(224)
    ]
    moments = [sum(kept[side] ** power * (2 * side + 1) / 224**2 for side in range(224)) for power in (2, 4)]
    assert 1 - moments[0] == pytest.approx(0.678, abs=3e-3)
    lams = many((224, 224)).lam.astype(np.float64)
    assert abs(lams.mean() - (1 - moments[0])) < 4 * lams.std() / math.sqrt(NUM_DRAWS)


def test_the_box_has_the_proportions_of_the_image() -> None:
    boxes = many((400, 100)).boxes
    whole = (boxes[:, :2] > 0).all(1) & (boxes[:, :2] + boxes[:, 2:] < [400, 100]).all(1)
    assert whole.sum() > 1000
    assert (np.abs(boxes[whole, 2] - 4 * boxes[whole, 3]) <= 4).all()


@pytest.mark.parametrize(("size_px", "alpha"), [((32, 32), 1.0), ((17, 40), 1.0), ((32, 32), 0.3)])
def test_lam_follows_the_law_of_the_definition(size_px: tuple[int, int], alpha: float) -> None:
    assert kolmogorov_distance(many(size_px, alpha).lam, looped_shares(size_px, alpha)) < 1


class OneNumber:
    """A generator whose every weight and pixel are given."""

    def __init__(self, lam: float, center: list[int]) -> None:
        self.lam, self.center = lam, center

    def beta(self, a: float, b: float, size: tuple[int, ...]) -> Array:
        return np.full(size, self.lam)

    def integers(self, high: Any, size: Any) -> Array:
        return np.array([self.center])

    def permutation(self, count: int) -> Array:
        return np.arange(count)


@pytest.mark.parametrize("size_px", [(6, 7), (8, 8), (9, 2)])
@pytest.mark.parametrize("lam", [0.0, 0.3, 0.5, 0.83, 1.0])
def test_the_box_is_that_of_timm_for_even_sides(
    monkeypatch: pytest.MonkeyPatch, size_px: tuple[int, int], lam: float
) -> None:
    # Some versions of timm drop a pixel of odd sides.
    is_even = [int(side * math.sqrt(1 - lam)) % 2 == 0 for side in size_px]
    for center in product(*map(range, size_px)):
        values = iter(center)
        monkeypatch.setattr("numpy.random.randint", lambda *_, values=values, **__: next(values))
        (top, bottom, left, right), share = cutmix_bbox_and_lam((1, 3, *size_px), lam)
        generator: Any = OneNumber(lam, list(center))
        draw = draw_cutmix(1, size_px=size_px, alpha=1.0, generator=generator)
        for axis, (first, length) in enumerate([(top, bottom - top), (left, right - left)]):
            assert not is_even[axis] or draw.boxes[0, axis::2].tolist() == [first, length]
        assert not all(is_even) or draw.lam.tolist() == [np.float32(share)]


def test_odd_sides_are_whole() -> None:
    # floor(9 r) = 5 and floor(6 r) = 3 around row 4, column 3.
    generator: Any = OneNumber(1 - 0.6**2, [4, 3])
    draw = draw_cutmix(1, size_px=(9, 6), alpha=1.0, generator=generator)
    assert draw.boxes.tolist() == [[2, 2, 5, 3]]


def test_partners_are_uniform_over_permutations() -> None:
    generator = rng()
    drawn = [
        tuple(draw_cutmix(3, size_px=(4, 4), alpha=1.0, generator=generator).partner.tolist()) for _ in range(4000)
    ]
    counts = [drawn.count(order) for order in permutations(range(3))]
    assert sum((count - 4000 / 6) ** 2 / (4000 / 6) for count in counts) < 15.1  # chi-square, 5 df, 1 %


def test_centers_are_uniform_over_all_pixels() -> None:
    # A box of one pixel is its center.
    boxes = draw_cutmix(NUM_DRAWS, size_px=(3, 4), alpha=1.0, generator=rng(), per="sample").boxes
    boxes = boxes[(boxes[:, 2:] == 1).all(1) & (boxes[:, :2] > 0).all(1) & (boxes[:, :2] < [2, 3]).all(1)]
    counts = np.bincount(boxes[:, 1], minlength=3)[1:]
    assert len(boxes) > 100
    assert ((counts - len(boxes) / 2) ** 2 / (len(boxes) / 2)).sum() < 6.6  # chi-square, 1 df, 1 %


def test_equals_torchvision_on_the_box_it_chose() -> None:
    inputs = images(0, 5, 3, 8, 6)
    share = 1 - 20 / 48
    params: dict[str, Any] = {"labels": torch.arange(5), "batch_size": 5, "box": (1, 2, 5, 7), "lam_adjusted": share}
    expected = v2.CutMix(num_classes=5).transform(inputs, params)
    draw = draw_of([[2, 1, 5, 4]] * 5, [4, 0, 1, 2, 3], 8, 6)
    assert torch.equal(apply_cutmix(inputs, draw), expected)
    assert draw.lam.tolist() == pytest.approx([share] * 5)


def test_in_place_writes_into_the_inputs() -> None:
    inputs = torch.tensor([[[[1.0, 2.0]]], [[[3.0, 4.0]]]])
    assert apply_cutmix(inputs, draw_of([[0, 0, 1, 1], [0, 0, 1, 2]], [1, 0], 1, 2), inplace=True) is inputs
    assert inputs.flatten(1).tolist() == [[3.0, 2.0], [1.0, 2.0]]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_contract(dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    inputs = images(0, 5, 3, 8, 6).to(dtype).contiguous(memory_format=memory_format)
    before = inputs.clone()
    draw = draw_cutmix(5, size_px=(8, 6), alpha=1.0, generator=rng(), per="sample")
    mixed = apply_cutmix(inputs, draw)
    assert mixed.dtype == dtype
    assert mixed.stride() == inputs.stride()
    assert torch.equal(inputs, before)
    assert not torch.equal(mixed, before)
    assert torch.equal(mixed, watched(lambda given: apply_cutmix(given, draw), inputs))
    assert torch.equal(mixed, apply_cutmix(inputs, draw, inplace=True))


def test_batch_of_one_pastes_itself() -> None:
    inputs = images(0, 1, 3, 4, 4)
    draw = draw_cutmix(1, size_px=(4, 4), alpha=1.0, generator=rng())
    assert torch.equal(apply_cutmix(inputs, draw), inputs)


@pytest.mark.parametrize("per", ["batch", "sample"])
def test_three_operators_and_no_wait_for_the_device(per: Any) -> None:
    device = fake_device()
    draw = draw_cutmix(4, size_px=(8, 6), alpha=1.0, generator=rng(), per=per)
    with FakeTensorMode():
        inputs = torch.empty(4, 3, 8, 6, device=device, dtype=torch.bfloat16)
        assert apply_cutmix(inputs, draw).device.type == device
        calls = aten_calls(lambda: apply_cutmix(inputs, draw))
    assert calls == ["aten.bitwise_and.Tensor", "aten.index.Tensor", "aten.where.self"]


def test_inputs_that_are_not_the_images_of_the_draw_are_refused() -> None:
    draw = draw_of([[0, 0, 1, 1]] * 2, [1, 0], 8, 6)
    with pytest.raises(TypeError, match=r"^mixing\.apply_cutmix: inputs must be floating point, got torch\.uint8\. "):
        apply_cutmix(torch.zeros(2, 3, 8, 6, dtype=torch.uint8), draw)
    with pytest.raises(ValueError, match=r"^mixing\.apply_cutmix: inputs must be images \(B, C, 8, 6\), as the draw, "):
        apply_cutmix(torch.zeros(2, 3, 6, 8), draw)


@pytest.mark.parametrize(
    ("argument", "value", "error", "expected"),
    [
        ("batch_size", 0, ValueError, r"batch_size must be a positive integer, got 0\."),
        ("batch_size", 2.0, TypeError, r"batch_size must be a positive integer, got 2\.0\."),
        ("size_px", 32, TypeError, r"size_px must be a tuple \(H, W\), got 32\."),
        ("size_px", (0, 32), ValueError, r"H of size_px must be a positive integer, got 0\."),
        ("alpha", 0.001, ValueError, r"alpha must be at least 0\.01, got 0\.001\. .*leave CutMix out\."),
        ("alpha", "1", TypeError, r"alpha must be a positive number, got '1'\. .*leave CutMix out\."),
        ("per", "elem", ValueError, r"per must be one of batch, sample, got 'elem'\."),
    ],
)
def test_draw_arguments_out_of_range(argument: str, value: Any, error: type[Exception], expected: str) -> None:
    given: dict[str, Any] = {"batch_size": 2, "size_px": (8, 6), "alpha": 1.0, "per": "batch", argument: value}
    with pytest.raises(error, match=rf"^mixing\.draw_cutmix: {expected}$"):
        draw_cutmix(given.pop("batch_size"), **given, generator=rng())


@pytest.mark.parametrize(
    ("boxes", "partner", "expected"),
    [
        ([[0, 0, 1]], [0], r"boxes must be of shape \(B, 4\), got \(1, 3\)"),
        ([[0, 0, 5, 1]], [0], r"boxes must be inside the image, 4 x 6, got \[\[0, 0, 5, 1\]\]"),
        ([[0, 0, 1, 1]], [1], r"partner must be in \[0, B\), got \[1\]"),
        ([[0, 0, 1, 1]], [1, 0], r"boxes and partner must be of one batch size, got \(\(1, 4\), \(2,\)\)"),
    ],
)
def test_a_draw_out_of_range_is_refused(boxes: list[list[int]], partner: list[int], expected: str) -> None:
    with pytest.raises(ValueError, match=rf"^CutMixDraw: {expected}\.$"):
        draw_of(boxes, partner, 4, 6)
