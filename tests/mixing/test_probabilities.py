import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.data.mixup import mixup_target
from timm.loss import BinaryCrossEntropy, SoftTargetCrossEntropy
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from lightning_regkit.mixing import MixedTarget, effective_smoothing, to_probabilities
from tests.mixing.support import fake_device

NUM_CLASSES = 4
FRACTIONS = st.floats(0, 1)


def pairs(labels: Tensor, lam: float) -> MixedTarget:
    """Every label with its mirror image, as timm pairs them."""
    weights = torch.tensor([[lam], [1 - lam]]).repeat(1, len(labels))
    return MixedTarget(torch.stack([labels, labels.flip(0)]), weights)


def test_worked_values() -> None:
    probs = to_probabilities(pairs(torch.tensor([0, 2]), 0.75), NUM_CLASSES)
    assert probs.tolist() == [[0.75, 0, 0.25, 0], [0.25, 0, 0.75, 0]]
    assert type(probs) is Tensor
    assert to_probabilities(torch.tensor([2]), 3).tolist() == [[0, 0, 1]]
    smooth = to_probabilities(pairs(torch.tensor([0, 1]), 0.75), 2, label_smoothing=0.2)
    torch.testing.assert_close(smooth, torch.tensor([[0.7, 0.3], [0.3, 0.7]]))


@given(st.lists(st.integers(0, NUM_CLASSES - 1), min_size=1, max_size=6), FRACTIONS, FRACTIONS)
def test_equals_timm(labels: list[int], lam: float, smoothing: float) -> None:
    targets = torch.tensor(labels)
    expected = mixup_target(targets, NUM_CLASSES, lam, smoothing)
    ours = to_probabilities(pairs(targets, lam), NUM_CLASSES, smoothing)
    assert ours.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_timms_losses_of_probabilities_are_our_losses_of_labels(smoothing: float) -> None:
    targets = pairs(torch.tensor([0, 3, 2]), 0.3)
    scores = torch.randn(3, NUM_CLASSES, generator=torch.Generator().manual_seed(0))
    probs = to_probabilities(targets, NUM_CLASSES, smoothing)
    torch.testing.assert_close(
        SoftTargetCrossEntropy()(scores, probs), F.cross_entropy(scores, targets, label_smoothing=smoothing)
    )
    if not smoothing:
        coded = F.one_hot(targets, NUM_CLASSES).float()
        ours = F.binary_cross_entropy_with_logits(scores, coded)
        torch.testing.assert_close(BinaryCrossEntropy(smoothing=0.0)(scores, probs), ours)


@given(st.integers(1, 3), st.sampled_from([(), (3,), (2, 3)]), FRACTIONS, st.integers(0, 2**32 - 1))
def test_mass_is_conserved_and_classes_are_dimension_one(
    num_parents: int, extra: tuple[int, ...], smoothing: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(NUM_CLASSES, (num_parents, 2, *extra), generator=generator)
    weights = torch.rand(num_parents, 2, generator=generator) + 0.1
    probs = to_probabilities(MixedTarget(labels, weights / weights.sum(0)), NUM_CLASSES, smoothing)
    assert probs.shape == (2, NUM_CLASSES, *extra)
    torch.testing.assert_close(probs.sum(1), torch.ones(2, *extra))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_small_integers(dtype: torch.dtype) -> None:
    labels = torch.tensor([1, 0], dtype=dtype)
    assert to_probabilities(labels, 2).tolist() == [[0, 1], [1, 0]]
    assert to_probabilities(pairs(labels, 0.5), 2).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        (
            (torch.zeros(2, 3), 3),
            TypeError,
            "targets must be of an integer dtype, got torch.float32. Floating targets are probabilities already.",
        ),
        ((torch.tensor([0]), 0), ValueError, "num_classes must be a positive integer, got 0."),
        ((torch.tensor([0]), 2, 1.5), ValueError, "label_smoothing must be a number in [0, 1], got 1.5."),
    ],
)
def test_refusals(arguments: Any, error: type[Exception], expected: str) -> None:
    with pytest.raises(error) as caught:
        to_probabilities(*arguments)
    assert str(caught.value) == f"mixing.to_probabilities: {expected}"


def test_a_label_outside_the_classes_is_refused_by_torch() -> None:
    with pytest.raises(RuntimeError, match="Class values must be smaller than num_classes"):
        to_probabilities(torch.tensor([4]), 4)


def test_effective_smoothing_worked_values() -> None:
    assert effective_smoothing(0.1, 0.1) == pytest.approx(0.19)
    assert effective_smoothing(0.0, 0.1) == pytest.approx(0.1)
    assert effective_smoothing(1.0, 0.3) == 1


@given(FRACTIONS, FRACTIONS)
def test_two_smoothings_are_the_effective_one(first: float, second: float) -> None:
    once = to_probabilities(torch.tensor([2, 0]), NUM_CLASSES, first)
    scores = torch.tensor([[0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 0.0, 0.0]])
    both = to_probabilities(torch.tensor([2, 0]), NUM_CLASSES, effective_smoothing(first, second))
    torch.testing.assert_close(F.cross_entropy(scores, once, label_smoothing=second), F.cross_entropy(scores, both))


def test_effective_smoothing_refusals() -> None:
    with pytest.raises(
        ValueError, match=r"^mixing\.effective_smoothing: second must be a number in \[0, 1\], got 2\.$"
    ):
        effective_smoothing(0.1, 2)
    with pytest.raises(
        ValueError, match=r"^mixing\.effective_smoothing: first must be a number in \[0, 1\], got nan\.$"
    ):
        effective_smoothing(math.nan, 0.1)


def test_no_wait_for_the_device() -> None:
    device = fake_device()
    with FakeTensorMode():
        labels = torch.zeros(4, dtype=torch.long, device=device)
        assert to_probabilities(labels, NUM_CLASSES, 0.1).device.type == device
