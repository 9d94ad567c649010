from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.transforms import v2

from lightning_regkit.mixing import MixedTarget, MixupDraw, apply_mixup, draw_mixup, mix_targets

SEEDS = st.integers(0, 2**32 - 1)


def draw_of(lam: list[float], partner: list[int]) -> MixupDraw:
    return MixupDraw(np.array(lam, dtype=np.float32), np.array(partner))


def test_labels_become_a_mixture_of_two() -> None:
    mixed = mix_targets(torch.tensor([7, 8, 9]), draw_of([0.75, 0.25, 0.5], [1, 2, 0]))
    assert isinstance(mixed, MixedTarget)
    assert mixed.labels.tolist() == [[7, 8, 9], [8, 9, 7]]
    assert mixed.weights.tolist() == [[0.75, 0.25, 0.5], [0.25, 0.75, 0.5]]
    assert mixed.tolist() == [7, 9, 9]


def test_batch_of_one() -> None:
    mixed = mix_targets(torch.tensor([3]), draw_of([0.25], [0]))
    assert isinstance(mixed, MixedTarget)
    assert mixed.tolist() == [3]
    scores = torch.randn(1, 5)
    torch.testing.assert_close(F.cross_entropy(scores, mixed), F.cross_entropy(scores, torch.tensor([3])))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_labels_of_every_integer_dtype(dtype: torch.dtype) -> None:
    targets = torch.arange(12).reshape(2, 3, 2).to(dtype)
    mixed = mix_targets(targets, draw_of([0.25, 0.25], [1, 0]))
    assert isinstance(mixed, MixedTarget)
    assert mixed.labels.dtype == mixed.dtype == dtype
    assert torch.equal(mixed.labels, torch.stack([targets, targets.flip(0)]))
    assert torch.equal(mixed, targets.flip(0))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_floating_targets_are_mixed_linearly(dtype: torch.dtype) -> None:
    targets = torch.tensor([[0.0, 1.0], [1.0, 0.0], [4.0, 8.0]], dtype=dtype)
    mixed = mix_targets(targets, draw_of([0.75, 0.5, 0.25], [1, 2, 0]))
    assert type(mixed) is torch.Tensor
    assert mixed.dtype == dtype
    assert mixed.tolist() == [[0.25, 0.75], [2.5, 4.0], [1.0, 2.75]]
    assert targets.tolist() == [[0.0, 1.0], [1.0, 0.0], [4.0, 8.0]]


def test_one_hot_targets_equal_torchvisions() -> None:
    targets = torch.arange(5)
    expected = v2.MixUp(num_classes=5).transform(targets, {"labels": targets, "batch_size": 5, "lam": 0.3})
    mixed = mix_targets(F.one_hot(targets).float(), draw_of([0.3] * 5, [4, 0, 1, 2, 3]))
    torch.testing.assert_close(mixed, expected)


@given(st.integers(1, 5), st.integers(1, 3), SEEDS)
def test_mixing_labels_k_times_equals_mixing_one_hot_k_times(batch_size: int, times: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels: torch.Tensor = torch.from_numpy(generator.integers(4, size=batch_size))
    probs = F.one_hot(labels, 4).double()
    scores = torch.from_numpy(generator.standard_normal((batch_size, 4)))
    for _ in range(times):
        lam = generator.random(batch_size, dtype=np.float32)
        draw = MixupDraw(lam, generator.permutation(batch_size))
        labels, probs = mix_targets(labels, draw), mix_targets(probs, draw)
    assert isinstance(labels, MixedTarget)
    assert labels.labels.shape == (2**times, batch_size)
    torch.testing.assert_close(labels.weights.sum(0), torch.ones(batch_size))
    torch.testing.assert_close(F.cross_entropy(scores, labels), F.cross_entropy(scores, probs), rtol=1e-5, atol=1e-6)


def test_a_mixture_of_mixtures_is_consumed_as_one() -> None:
    first = mix_targets(torch.tensor([0, 1]), draw_of([0.75, 0.5], [1, 0]))
    second = mix_targets(first, draw_of([0.5, 0.25], [1, 0]))
    assert isinstance(first, MixedTarget)
    assert isinstance(second, MixedTarget)
    assert second.labels.tolist() == [[0, 1], [1, 0], [1, 0], [0, 1]]
    assert second.weights.tolist() == [[0.375, 0.125], [0.125, 0.125], [0.25, 0.5625], [0.25, 0.1875]]
    F.cross_entropy(torch.zeros(2, 2, requires_grad=True), second)
    assert first.is_consumed


class Halves:
    """Any draw that pairs examples will do."""

    lam = np.array([0.5, 0.75], dtype=np.float32)
    partner = np.array([1, 0])
    batch_size = 2


def test_any_draw_that_pairs_examples_will_do() -> None:
    assert mix_targets(torch.tensor([0.0, 4.0]), Halves()).tolist() == [2.0, 3.0]
    mixed = mix_targets(torch.tensor([7, 9]), Halves())
    assert isinstance(mixed, MixedTarget)
    assert mixed.weights.tolist() == [[0.5, 0.75], [0.5, 0.25]]


def test_a_mixture_of_converted_labels_is_not_mixed_again() -> None:
    mixed = mix_targets(torch.tensor([0, 1]), draw_of([0.75, 0.5], [1, 0]))
    with pytest.raises(TypeError, match=r"^MixedTarget: labels must be of an integer dtype, got torch\.float32\.$"):
        mix_targets(mixed.float(), draw_of([0.75, 0.5], [1, 0]))


def test_the_draw_mixes_inputs_and_targets_alike() -> None:
    draw = draw_mixup(6, alpha=1.0, generator=np.random.default_rng(0))
    values = torch.arange(6.0)
    assert torch.equal(apply_mixup(values, draw), mix_targets(values, draw))


REMEDY = r"Use targets\.float\(\) for binary cross-entropy, targets\.long\(\) for class indices\."


@pytest.mark.parametrize("dtype", [torch.bool, torch.complex64])
def test_other_dtypes_are_refused(dtype: torch.dtype) -> None:
    expected = rf"^mixing\.mix_targets: targets must be of an integer or floating dtype, got {dtype}\. {REMEDY}$"
    with pytest.raises(TypeError, match=expected):
        mix_targets(torch.zeros(2, dtype=dtype), draw_of([0.5, 0.5], [1, 0]))


def test_targets_of_another_kind_or_batch_are_refused() -> None:
    names: Any = ["cat", "dog"]
    with pytest.raises(TypeError, match=r"^mixing\.mix_targets: targets must be a tensor, got \['cat', 'dog'\]\.$"):
        mix_targets(names, draw_of([0.5, 0.5], [1, 0]))
    with pytest.raises(ValueError, match=r"^mixing\.mix_targets: targets must have the batch size of the draw, 2, "):
        mix_targets(torch.zeros(3), draw_of([0.5, 0.5], [1, 0]))
