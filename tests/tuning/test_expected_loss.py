"""The loss before the first step: worked by hand, and against torch."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from lightning_regkit import mixing
from lightning_regkit.regularizers import weight_penalty
from lightning_regkit.tuning._expected_loss import LossSpec, expected_loss

biases = st.lists(st.floats(-5, 5), min_size=2, max_size=6)


@pytest.mark.parametrize("count", [2, 10, 100, 1000])
def test_worked_values(count: int) -> None:
    assert expected_loss(LossSpec(count)) == pytest.approx(math.log(count))
    assert expected_loss(LossSpec(count, label_smoothing=0.1)) == pytest.approx(math.log(count))
    assert expected_loss(LossSpec(count, reduction="sum"), batch_size=32) == pytest.approx(32 * math.log(count))
    assert expected_loss(LossSpec(count, "bce")) == pytest.approx(math.log(2))
    assert expected_loss(LossSpec(count, "bce", "class_sum")) == pytest.approx(count * math.log(2))
    assert expected_loss(LossSpec(count, "bce", "sum"), batch_size=4) == pytest.approx(4 * count * math.log(2))


@pytest.mark.parametrize("count", [100, 1000])
def test_bce_summed_over_classes_with_a_bias_of_minus_log_classes(count: int) -> None:
    spec = LossSpec(count, "bce", "class_sum", bias=(-math.log(count),) * count)
    assert expected_loss(spec) == pytest.approx(1 + math.log(count), abs=1 / count)


def test_one_output_and_its_share() -> None:
    assert expected_loss(LossSpec(1, "bce", shares=(0.3,), bias=(math.log(0.3 / 0.7),))) == pytest.approx(
        -0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    )


def test_a_bias_of_log_shares_gives_the_entropy() -> None:
    shares = (0.5, 0.25, 0.25)
    spec = LossSpec(3, shares=shares, bias=tuple(math.log(share) for share in shares))
    assert expected_loss(spec) == pytest.approx(1.5 * math.log(2))


@given(biases, st.floats(0, 1))
def test_cross_entropy_is_torchs(bias: list[float], smoothing: float) -> None:
    labels = torch.arange(12) % 2  # only two of the classes
    logits = torch.tensor([bias], dtype=torch.float64).expand(12, -1)
    theirs = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    shares = (0.5, 0.5, *[0.0] * (len(bias) - 2))
    spec = LossSpec(len(bias), label_smoothing=smoothing, bias=tuple(bias), shares=shares)
    assert expected_loss(spec) == pytest.approx(theirs.item())


@given(biases, st.floats(0, 1), st.sampled_from(["mean", "class_sum", "sum"]))
def test_bce_is_torchs(bias: list[float], smoothing: float, reduction: Any) -> None:
    targets = F.one_hot(torch.arange(12) % 2, len(bias)).double()
    smoothed = (1 - smoothing) * targets + smoothing / len(bias)
    logits = torch.tensor([bias], dtype=torch.float64).expand(12, -1)
    theirs = F.binary_cross_entropy_with_logits(logits, smoothed, reduction="none")
    expected = {"mean": theirs.mean(), "class_sum": theirs.sum(1).mean(), "sum": theirs.sum()}[reduction]
    shares = (0.5, 0.5, *[0.0] * (len(bias) - 2))
    spec = LossSpec(len(bias), "bce", reduction, smoothing, tuple(bias), shares)
    assert expected_loss(spec, batch_size=12) == pytest.approx(expected.item())


def test_mixing_leaves_it_as_it_is() -> None:
    labels, logits = torch.tensor([0, 1, 2, 2]), torch.tensor([[0.5, -1.0, 0.25]]).expand(4, -1)
    draw = mixing.draw_mixup(4, alpha=1.0, generator=np.random.default_rng(0))
    targets = mixing.mix_targets(labels, draw)
    loss = F.cross_entropy(logits, mixing.to_probabilities(targets, 3))
    spec = LossSpec(3, bias=(0.5, -1.0, 0.25), shares=(0.25, 0.25, 0.5))
    assert expected_loss(spec) == pytest.approx(loss.item())


def test_it_rises_by_exactly_the_penalty() -> None:
    penalty = weight_penalty([torch.tensor([3.0, -4.0])], l1=0.5, l2=0.25).item()
    assert penalty == 0.5 * 7 + 0.125 * 25
    assert expected_loss(LossSpec(8), penalty=penalty) == expected_loss(LossSpec(8)) + penalty


def test_outputs_that_vary_cost_half_their_variance() -> None:
    logits = 0.3 * torch.randn(200_000, 10, generator=torch.Generator().manual_seed(0))
    loss = F.cross_entropy(logits, torch.arange(200_000) % 10)
    assert loss.item() - expected_loss(LossSpec(10)) == pytest.approx(0.045 * 0.9, rel=0.05)  # less the mean of them


def test_large_biases_do_not_overflow() -> None:
    assert expected_loss(LossSpec(2, bias=(1000.0, -1000.0))) == pytest.approx(1000)
    assert expected_loss(LossSpec(2, "bce", bias=(1000.0, -1000.0))) == pytest.approx(500)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (
            {"num_classes": 1},
            ValueError,
            "num_classes must be at least 2 for cross-entropy, got 1. One output is for 'bce'.",
        ),
        ({"num_classes": 0}, ValueError, "num_classes must be a positive integer, got 0."),
        ({"num_classes": 2.0}, TypeError, "num_classes must be a positive integer, got 2.0."),
        ({"name": "mse"}, ValueError, "name must be one of bce, cross_entropy, got 'mse'."),
        ({"reduction": "none"}, ValueError, "reduction must be one of class_sum, mean, sum, got 'none'."),
        ({"reduction": "class_sum"}, ValueError, "reduction must be mean or sum for cross-entropy, got 'class_sum'."),
        ({"label_smoothing": 2}, ValueError, "label_smoothing must be a number in [0, 1], got 2."),
        ({"bias": (0.0,)}, ValueError, "bias must hold 3 numbers, got (0.0,)."),
        ({"bias": (0.0, 0.0, math.inf)}, ValueError, "bias must be a finite number, got inf."),
        ({"shares": (0.5, 0.5)}, ValueError, "shares must hold 3 numbers, got (0.5, 0.5)."),
        ({"shares": (0.5, 0.6, -0.1)}, ValueError, "shares must be a number in [0, 1], got -0.1."),
        ({"shares": (0.5, 0.5, 0.5)}, ValueError, "shares must add up to 1 for cross-entropy, got (0.5, 0.5, 0.5)."),
    ],
)
def test_refusals(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refusal:
        LossSpec(**{"num_classes": 3, **options})
    assert str(refusal.value) == f"tuning.LossSpec: {text}"


def test_refusals_of_the_function() -> None:
    with pytest.raises(ValueError, match=r"^tuning\.expected_loss: batch_size must be a positive integer, got 0\.$"):
        expected_loss(LossSpec(2), batch_size=0)
    with pytest.raises(ValueError, match=r"^tuning\.expected_loss: penalty must be a finite number, got nan\.$"):
        expected_loss(LossSpec(2), penalty=math.nan)
