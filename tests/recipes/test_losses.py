import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from timm.loss import BinaryCrossEntropy
from torch import Tensor
from torchmetrics import MeanMetric

import lightning_regkit as rk
from recipes.losses import Loss, SampleMean


def logits(count: int = 5, num_classes: int = 4) -> Tensor:
    return torch.randn(count, num_classes, generator=torch.Generator().manual_seed(1))


LABELS = torch.tensor([0, 3, 1, 1, 2])
MIXED = torch.tensor(
    [[0.7, 0.3, 0.0, 0.0], [0.0, 0.15, 0.0, 0.85], [0.0, 1.0, 0.0, 0.0], [0.25, 0.75, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_that_of_torch(smoothing: float) -> None:
    for targets in (LABELS, MIXED):
        expected = F.cross_entropy(logits(), targets, label_smoothing=smoothing)
        assert torch.equal(Loss(label_smoothing=smoothing)(logits(), targets), expected)


@pytest.mark.parametrize("threshold", [None, 0.2])
def test_bce_of_mixed_targets_is_that_of_timm(threshold: float | None) -> None:
    expected = BinaryCrossEntropy(smoothing=0.0, target_threshold=threshold)(logits(), MIXED)
    torch.testing.assert_close(Loss("bce", threshold=threshold)(logits(), MIXED), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_bce_of_labels_is_that_of_timm(smoothing: float) -> None:
    expected = BinaryCrossEntropy(smoothing=smoothing)(logits(), LABELS)
    torch.testing.assert_close(Loss("bce", label_smoothing=smoothing)(logits(), LABELS), expected)


def test_bce_by_a_slow_loop() -> None:
    total = 0.0
    for row, shares in zip(logits().tolist(), MIXED.tolist(), strict=True):
        for z, share in zip(row, shares, strict=True):
            p = 1 / (1 + math.exp(-z))
            total -= math.log(p) if share > 0.2 else math.log(1 - p)
    assert Loss("bce", threshold=0.2)(logits(), MIXED).item() == pytest.approx(total / 20, rel=1e-5)


def test_the_threshold_itself_is_no_class() -> None:
    one, none = torch.tensor([[0.25, 0.75]]), torch.tensor([[0.0, 1.0]])
    z = torch.tensor([[3.0, -1.0]])
    assert torch.equal(Loss("bce", threshold=0.25)(z, one), Loss("bce", threshold=0.25)(z, none))
    assert Loss("bce", threshold=0.24)(z, one) < Loss("bce", threshold=0.24)(z, none)


def test_targets_are_not_rounded_to_the_precision_of_logits() -> None:
    z = torch.tensor([[8.0, -8.0]], dtype=torch.bfloat16)
    expected = F.binary_cross_entropy_with_logits(z.float(), torch.tensor([[0.95, 0.05]]))  # 0.05 has no bfloat16
    found = Loss("bce", label_smoothing=0.1)(z, torch.tensor([0]))
    assert found.item() == pytest.approx(expected.item(), rel=2e-3)  # a rounded target gives 0.404


def test_what_mixup_and_cutmix_make_is_one_for_both_classes() -> None:
    labels = torch.tensor([0, 1])
    draw = rk.mixing.MixupDraw(lam=np.array([0.6, 0.6], dtype=np.float32), partner=np.array([1, 0]))
    shares = rk.mixing.to_probabilities(rk.mixing.mix_targets(labels, draw), 3)
    both = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    z = logits(2, 3)
    assert torch.equal(Loss("bce", threshold=0.2)(z, shares), F.binary_cross_entropy_with_logits(z, both))


def test_of_reads_a_mapping() -> None:
    assert Loss.of(None) == Loss()
    assert Loss.of({"name": "bce", "threshold": 0.2}) == Loss("bce", threshold=0.2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"name": "mse"}, "Loss: name must be one of bce, cross_entropy, got 'mse'."),
        ({"label_smoothing": 1.5}, "Loss: label_smoothing must be in [0, 1], got 1.5."),
        ({"name": "bce", "threshold": 1.0}, "Loss: threshold must be in [0, 1), got 1.0."),
        (
            {"threshold": 0.2},
            "Loss: threshold must come with 'bce' and without label_smoothing, got 'cross_entropy' and label_smoothing "
            "0.0.",
        ),
        (
            {"name": "bce", "threshold": 0.2, "label_smoothing": 0.1},
            "Loss: threshold must come with 'bce' and without label_smoothing, got 'bce' and label_smoothing 0.1.",
        ),
        ({"thresholds": 0.2}, "Loss: options must be those of a loss, got ['thresholds']. Close: threshold."),
        ({"q": 1}, "Loss: options must be those of a loss, got ['q']. Close: name, label_smoothing, threshold."),
    ],
)
def test_refusals(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        Loss.of(options)
    assert str(error.value) == text


def test_the_mean_is_over_samples() -> None:
    mean, peer = SampleMean(), MeanMetric()
    for value, count in ((0.5, 7), (2.0, 1), (-1.0, 3)):
        mean.update(torch.tensor(value), count)
        peer.update(value, count)
    assert mean.compute().item() == pytest.approx((0.5 * 7 + 2 - 3) / 11)
    torch.testing.assert_close(mean.compute(), peer.compute())
    mean.reset()
    mean.update(torch.tensor(4.0), 2)
    assert mean.compute() == 4


def test_no_graph_is_kept() -> None:
    mean = SampleMean()
    mean.update(torch.ones((), requires_grad=True) * 2, 1)
    assert not mean.compute().requires_grad


def test_a_loss_that_is_no_number_is_seen() -> None:
    mean = SampleMean()
    mean.update(torch.tensor(torch.nan), 1)
    mean.update(torch.tensor(1.0), 5)
    assert mean.compute().isnan()
