import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.data import Mixup as TimmMixup
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributions import Beta
from torchvision.transforms import v2

from lightning_regkit.mixing import MixupDraw, apply_mixup, draw_mixup
from tests.mixing.support import aten_calls, fake_device, images, kolmogorov_distance, watched

SEEDS = st.integers(0, 2**32 - 1)
NUM_DRAWS = 4000


def draw_of(lam: list[float], partner: list[int]) -> MixupDraw:
    return MixupDraw(np.array(lam, dtype=np.float32), np.array(partner))


def lams(alpha: float, seed: int = 0) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(seed)
    return np.array([draw_mixup(1, alpha=alpha, generator=generator).lam[0] for _ in range(NUM_DRAWS)])


def test_worked_example() -> None:
    inputs = torch.tensor([[0.0, 8.0], [4.0, 0.0], [16.0, 4.0]])
    mixed = apply_mixup(inputs, draw_of([0.75, 0.5, 0.25], [1, 2, 0]))
    assert mixed.tolist() == [[1.0, 6.0], [10.0, 2.0], [4.0, 7.0]]


def test_lam_is_the_weight_of_the_original() -> None:
    inputs = images(0, 3, 2)
    assert torch.equal(apply_mixup(inputs, draw_of([1.0] * 3, [1, 2, 0])), inputs)
    assert torch.equal(apply_mixup(inputs, draw_of([0.0] * 3, [1, 2, 0])), inputs[[1, 2, 0]])


def test_batch_of_one_mixes_with_itself() -> None:
    draw = draw_mixup(1, alpha=1.0, generator=np.random.default_rng(0))
    assert draw.partner.tolist() == [0]
    inputs = images(0, 1, 3)
    torch.testing.assert_close(apply_mixup(inputs, draw), inputs)


@given(st.integers(1, 40), st.floats(0.01, 10), SEEDS)
def test_draw(batch_size: int, alpha: float, seed: int) -> None:
    draw = draw_mixup(batch_size, alpha=alpha, generator=np.random.default_rng(seed))
    again = draw_mixup(batch_size, alpha=alpha, generator=np.random.default_rng(seed))
    assert draw.batch_size == batch_size
    assert draw.lam.tolist() == [draw.lam[0]] * batch_size
    assert 0 <= draw.lam[0] <= 1
    assert sorted(draw.partner.tolist()) == list(range(batch_size))
    assert draw.lam.tolist() == again.lam.tolist()
    assert draw.partner.tolist() == again.partner.tolist()


def test_draws_go_on_from_the_generator_and_touch_nothing_else() -> None:
    before = torch.random.get_rng_state()
    generator = np.random.default_rng(0)
    first, second = (draw_mixup(64, alpha=1.0, generator=generator) for _ in range(2))
    assert first.lam[0] != second.lam[0]
    assert first.partner.tolist() != second.partner.tolist()
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("alpha", "quantile"),
    [
        pytest.param(1.0, lambda lam: lam, id="uniform"),
        pytest.param(0.5, lambda lam: 2 / math.pi * np.arcsin(np.sqrt(lam)), id="arcsine"),
        pytest.param(2.0, lambda lam: 3 * lam**2 - 2 * lam**3, id="parabola"),
    ],
)
def test_lam_follows_the_beta_law(alpha: float, quantile: Any) -> None:
    expected = quantile(np.sort(lams(alpha).astype(np.float64)))
    distance = np.abs(expected - (np.arange(NUM_DRAWS) + 0.5) / NUM_DRAWS).max()
    assert distance < 1.63 / math.sqrt(NUM_DRAWS)  # Kolmogorov's bound at 1 %


def test_lam_follows_the_same_law_as_that_of_torch() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        expected = Beta(0.2, 0.2).sample((NUM_DRAWS,)).numpy()
    assert kolmogorov_distance(lams(0.2), expected) < 1


def test_a_lam_for_each_sample_follows_the_law_too() -> None:
    drawn = draw_mixup(NUM_DRAWS, alpha=1.0, generator=np.random.default_rng(0), per="sample").lam
    distance = np.abs(np.sort(drawn) - (np.arange(NUM_DRAWS) + 0.5) / NUM_DRAWS).max()
    assert distance < 1.63 / math.sqrt(NUM_DRAWS)  # Kolmogorov's bound at 1 %


def test_the_lams_of_two_samples_are_independent() -> None:
    generator = np.random.default_rng(0)
    drawn = [draw_mixup(2, alpha=1.0, generator=generator, per="sample").lam for _ in range(NUM_DRAWS)]
    quarters = (np.array(drawn) * 4).astype(np.int64)  # (NUM_DRAWS, 2)
    counts = np.bincount(quarters @ np.array([4, 1]), minlength=16)
    expected = NUM_DRAWS / 16
    assert ((counts - expected) ** 2 / expected).sum() < 30.6  # chi-square, 15 df, 1 %


@pytest.mark.parametrize("alpha", [0.01, 0.2, 8.0])
def test_moments_of_lam(alpha: float) -> None:
    drawn = lams(alpha).astype(np.float64)
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(drawn.mean() - 0.5) < 4 * math.sqrt(variance / NUM_DRAWS)
    assert drawn.var() == pytest.approx(variance, rel=0.1)


def test_partners_are_uniform_over_permutations() -> None:
    generator = np.random.default_rng(0)
    drawn = [tuple(draw_mixup(3, alpha=1.0, generator=generator).partner.tolist()) for _ in range(NUM_DRAWS)]
    counts = {order: drawn.count(order) for order in permutations(range(3))}
    expected = NUM_DRAWS / 6
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 15.1  # chi-square, 5 df, 1 %


@given(st.integers(1, 6), SEEDS)
def test_mass_is_conserved_when_lam_is_shared(batch_size: int, seed: int) -> None:
    inputs = images(seed, batch_size, 2, 3, 3).double()
    draw = draw_mixup(batch_size, alpha=1.0, generator=np.random.default_rng(seed))
    torch.testing.assert_close(apply_mixup(inputs, draw).sum(0), inputs.sum(0))


def test_equals_torchvision_when_the_partner_is_the_previous_example() -> None:
    inputs, labels = images(0, 5, 3, 8, 8), torch.arange(5)
    params = {"labels": labels, "batch_size": 5, "lam": 0.3}
    expected = v2.MixUp(num_classes=5).transform(inputs, params)
    torch.testing.assert_close(apply_mixup(inputs, draw_of([0.3] * 5, [4, 0, 1, 2, 3])), expected)


def test_equals_timm_when_the_batch_is_flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, labels = images(0, 6, 3, 8, 8), torch.arange(6)
    timm_mixup = TimmMixup(mixup_alpha=1.0, num_classes=6)
    monkeypatch.setattr(timm_mixup, "_params_per_batch", lambda: (0.3, False))
    expected, _ = timm_mixup(inputs.clone(), labels)
    torch.testing.assert_close(apply_mixup(inputs, draw_of([0.3] * 6, [5, 4, 3, 2, 1, 0])), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("lam", [0.0, 0.1, 0.5, 0.9, 0.999, 1.0])
def test_precision(dtype: torch.dtype, lam: float) -> None:
    inputs = images(0, 16, 3, 4, 4).to(dtype)
    draw = draw_of([lam] * 16, np.random.default_rng(0).permutation(16).tolist())
    mixed = apply_mixup(inputs, draw)
    weight, exact, partners = float(draw.lam[0]), inputs.double(), inputs[torch.from_numpy(draw.partner)].double()
    error = (mixed.double() - (weight * exact + (1 - weight) * partners)).abs()
    # One rounding of each weight, each product and the result.
    bound = torch.finfo(dtype).eps / 2 * 2 * (exact.abs() + partners.abs())
    assert mixed.dtype == dtype
    assert (error <= bound * 1.01 + torch.finfo(dtype).smallest_normal).all()


@pytest.mark.parametrize(
    ("shape", "memory_format"),
    [
        ((4, 3, 8, 6), torch.contiguous_format),
        ((4, 3, 8, 6), torch.channels_last),
        ((4, 1, 8, 6), torch.channels_last),
        ((2, 3, 4, 8, 6), torch.channels_last_3d),
    ],
)
def test_contract(shape: tuple[int, ...], memory_format: torch.memory_format) -> None:
    inputs = images(0, *shape).contiguous(memory_format=memory_format)
    before = inputs.clone()
    draw = draw_mixup(shape[0], alpha=1.0, generator=np.random.default_rng(0))
    mixed = apply_mixup(inputs, draw)
    assert mixed.shape == inputs.shape
    assert mixed.stride() == inputs.stride()
    assert mixed.is_contiguous(memory_format=memory_format)
    assert mixed.data_ptr() != inputs.data_ptr()
    assert torch.equal(inputs, before)


@given(st.integers(1, 6), st.sampled_from(["batch", "sample"]), SEEDS)
def test_in_place_and_on_a_device_are_the_same_up_to_rounding(batch_size: int, per: Any, seed: int) -> None:
    inputs = images(seed, batch_size, 2, 3, 3).double()
    draw = draw_mixup(batch_size, alpha=1.0, generator=np.random.default_rng(seed), per=per)
    expected = torch.stack(
        [
            lam * inputs[i] + (1 - lam) * inputs[j]
            for i, (lam, j) in enumerate(zip(draw.lam.astype(float), draw.partner, strict=True))
        ]
    )
    torch.testing.assert_close(apply_mixup(inputs, draw), expected)
    torch.testing.assert_close(watched(lambda images: apply_mixup(images, draw), inputs), expected)
    torch.testing.assert_close(apply_mixup(inputs.clone(), draw, inplace=True), expected)


def test_in_place_writes_into_the_inputs() -> None:
    inputs = torch.tensor([[0.0], [4.0]])
    mixed = apply_mixup(inputs, draw_of([0.75, 0.25], [1, 0]), inplace=True)
    assert mixed is inputs
    assert inputs.tolist() == [[1.0], [1.0]]


def test_gradients_flow_to_both_parents() -> None:
    inputs = images(0, 2, 3).requires_grad_()
    apply_mixup(inputs, draw_of([0.75, 0.25], [1, 0]))[0].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.tolist() == [[0.75] * 3, [0.25] * 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("inplace", [False, True])
def test_two_operators_and_no_wait_for_the_device(dtype: torch.dtype, inplace: bool) -> None:
    device = fake_device()
    draw = draw_mixup(4, alpha=1.0, generator=np.random.default_rng(0), per="sample")
    with FakeTensorMode():
        inputs = torch.empty(4, 3, 8, 8, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
        mixed = apply_mixup(inputs, draw, inplace=inplace)
        calls = aten_calls(lambda: apply_mixup(inputs, draw, inplace=inplace))
        keeps_format = inputs[torch.arange(4, device=device)].stride() == inputs.stride()
    assert mixed.device.type == device
    assert mixed.dtype == dtype
    # The fake of torch 2.6 loses the memory format in indexing; the real one keeps it, as the tests above see.
    assert mixed.stride() == inputs.stride() or not keeps_format
    assert (mixed is inputs) == inplace
    assert calls == ["aten.index.Tensor", "aten.lerp_.Tensor", *["aten.copy_.default"] * inplace]


def test_integer_inputs_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^mixing\.apply_mixup: inputs must be floating point, got torch\.uint8\. "):
        apply_mixup(torch.zeros(2, 3, dtype=torch.uint8), draw_of([0.5] * 2, [1, 0]))


def test_another_batch_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^mixing\.apply_mixup: inputs must have the batch size of the draw, 2, "):
        apply_mixup(torch.zeros(3, 3), draw_of([0.5] * 2, [1, 0]))


@pytest.mark.parametrize(("alpha", "error"), [(0.0099, ValueError), ("0.2", TypeError)])
def test_alpha_out_of_range(alpha: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^mixing\.draw_mixup: alpha must .* leave mixup out\.$"):
        draw_mixup(2, alpha=alpha, generator=np.random.default_rng(0))


def test_another_word_for_per_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^mixing\.draw_mixup: per must be one of batch, sample, got 'elem'\.$"):
        draw_mixup(2, alpha=1.0, generator=np.random.default_rng(0), per="elem")


@pytest.mark.parametrize(("batch_size", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError)])
def test_batch_size_out_of_range(batch_size: Any, error: type[Exception]) -> None:
    expected = rf"^mixing\.draw_mixup: batch_size must be a positive integer, got {batch_size!r}\.$"
    with pytest.raises(error, match=expected):
        draw_mixup(batch_size, alpha=1.0, generator=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("lam", "partner", "expected"),
    [
        ([], [], r"partner must be of shape \(B,\), B >= 1, got \(0,\)"),
        ([0.5], [0, 1], r"lam and partner must be of one shape, got \(\(1,\), \(2,\)\)"),
        ([[0.5]], [0], r"lam and partner must be of one shape, got \(\(1, 1\), \(1,\)\)"),
        ([0.5, 1.5], [0, 1], r"lam must be in \[0, 1\], got \[0\.5, 1\.5\]"),
        ([-0.5, 0.5], [0, 1], r"lam must be in \[0, 1\], got \[-0\.5, 0\.5\]"),
        ([math.nan, 0.5], [0, 1], r"lam must be in \[0, 1\], got \[nan, 0\.5\]"),
        ([0.5, 0.5], [0, 2], r"partner must be in \[0, B\), got \[0, 2\]"),
        ([0.5, 0.5], [-1, 0], r"partner must be in \[0, B\), got \[-1, 0\]"),
    ],
)
def test_a_draw_out_of_range_is_refused(lam: list[float], partner: list[int], expected: str) -> None:
    with pytest.raises(ValueError, match=rf"^MixupDraw: {expected}\.$"):
        MixupDraw(np.array(lam, dtype=np.float32), np.array(partner, dtype=np.int64))


def test_a_draw_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^MixupDraw: lam must be a numpy array of float32, got dtype\('float64'\)\.$"):
        MixupDraw(np.ones(1), np.array([0]))
    with pytest.raises(TypeError, match=r"^MixupDraw: partner must be a numpy array of int64, got dtype\('float64'\)"):
        MixupDraw(np.ones(1, dtype=np.float32), np.ones(1))
