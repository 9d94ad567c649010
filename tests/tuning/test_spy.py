"""What is seen of a loss: every way to write one, and noise that is held."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_regkit import mixing
from lightning_regkit.tuning._spy import LossCall, Spy

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.5, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
LABELS = torch.tensor([0, 1, 2, 1])
HOT = F.one_hot(LABELS, 3).float()


def seen(loss: Callable[[], Tensor]) -> tuple[LossCall, float]:
    spy = Spy(is_silent=False)
    with spy:
        value = loss().item()
    assert spy.call is not None
    return spy.call, value


@pytest.mark.parametrize(
    ("loss", "name", "reduction"),
    [
        (lambda: F.cross_entropy(LOGITS, LABELS), "cross_entropy", "mean"),
        (lambda: nn.CrossEntropyLoss()(LOGITS, LABELS), "cross_entropy", "mean"),
        (lambda: F.cross_entropy(LOGITS, HOT), "cross_entropy", "mean"),
        (lambda: F.nll_loss(LOGITS.log_softmax(1), LABELS), "cross_entropy", "mean"),
        (lambda: F.cross_entropy(LOGITS, LABELS, reduction="sum"), "cross_entropy", "sum"),
        (lambda: F.cross_entropy(LOGITS, LABELS, reduction="none").sum(), "cross_entropy", "sum"),
        (lambda: F.cross_entropy(LOGITS, LABELS, reduction="sum") / 4, "cross_entropy", "mean"),
        (lambda: 0.7 * F.cross_entropy(LOGITS, LABELS), "cross_entropy", "mean"),
        (lambda: F.binary_cross_entropy_with_logits(LOGITS, HOT), "bce", "mean"),
        (lambda: nn.BCEWithLogitsLoss(reduction="sum")(LOGITS, HOT), "bce", "sum"),
        (lambda: F.binary_cross_entropy_with_logits(LOGITS, HOT, reduction="sum") / 4, "bce", "class_sum"),
    ],
    ids=range(11),
)
def test_losses(loss: Callable[[], Tensor], name: Any, reduction: str) -> None:
    call, value = seen(loss)
    spec = call.spec(value)
    assert (spec.name, spec.reduction, spec.num_classes) == (name, reduction, 3)
    assert spec.shares == (0.25, 0.5, 0.25)
    assert call.accuracy() == 0.75


def test_the_mean_is_torchs() -> None:
    call, _ = seen(lambda: F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1, reduction="sum"))
    assert call.mean == pytest.approx(F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1).item())
    assert call.label_smoothing == 0.1
    assert call.spec(0.0).label_smoothing == 0.1


def test_mixed_labels_are_shares() -> None:
    draw = mixing.draw_mixup(4, alpha=1.0, generator=np.random.default_rng(0))
    targets = mixing.mix_targets(LABELS, draw)
    call, _ = seen(lambda: F.cross_entropy(LOGITS, targets))
    assert call.labels is None
    assert torch.equal(call.shares if call.shares is not None else LOGITS, mixing.to_probabilities(targets, 3))


def test_the_first_call_counts() -> None:
    call, _ = seen(lambda: F.cross_entropy(LOGITS, LABELS) + F.binary_cross_entropy_with_logits(LOGITS, HOT))
    assert call.name == "cross_entropy"


def test_pixels_are_rows_and_ignored_ones_are_none() -> None:
    logits, labels = torch.randn(2, 3, 4, 4), torch.full((2, 4, 4), -100)
    labels[0, 0] = torch.tensor([0, 1, 2, 2])
    call, _ = seen(lambda: F.cross_entropy(logits, labels))
    assert call.logits.tolist() == logits[0, :, 0].T.tolist()
    assert call.labels is not None
    assert call.labels.tolist() == [0, 1, 2, 2]


def test_one_output() -> None:
    call, value = seen(lambda: F.binary_cross_entropy_with_logits(torch.tensor([1.0, -1.0]), torch.tensor([1.0, 1.0])))
    assert (call.accuracy(), call.spec(value).num_classes, call.spec(value).shares) == (0.5, 1, (1.0,))


def test_targets_that_are_no_shares_are_left_out() -> None:
    call, value = seen(lambda: F.binary_cross_entropy_with_logits(LOGITS, 5 * HOT))
    assert call.spec(value).shares is None


@pytest.mark.parametrize(
    ("logits", "name", "expected"),
    [
        (LOGITS.softmax(1), "cross_entropy", True),
        (LOGITS, "cross_entropy", False),
        (torch.zeros(4, 3), "cross_entropy", False),
        (torch.full((4, 3), 1 / 3), "cross_entropy", False),
        (LOGITS.sigmoid(), "cross_entropy", False),
        (LOGITS.sigmoid(), "bce", True),
        (LOGITS, "bce", False),
    ],
)
def test_probabilities_are_told_from_logits(logits: Tensor, name: Any, expected: bool) -> None:
    assert LossCall(name, logits, None, HOT, 0.0, 1.0).are_probabilities() == expected


@pytest.mark.parametrize("labels", [[0, 3, 0, 0], [-1, 0, 0, 0]])
def test_labels_without_output_are_refused_before_torch_sees_them(labels: list[int]) -> None:
    spy = Spy(is_silent=False)
    with spy, pytest.raises(IndexError, match=r"^tuning: labels must be in \[0, 3\), got \("):
        F.cross_entropy(LOGITS, torch.tensor(labels))
    assert spy.call is not None
    assert (spy.call.shares, spy.call.mean, spy.call.accuracy()) == (None, None, None)
    assert spy.call.spec(1.0).reduction == "mean"


@pytest.mark.parametrize("noise", [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout])
def test_functions_of_noise_are_held(noise: Any) -> None:
    ones = torch.ones(2, 3, 4, 4, 4)[:, :, 0] if noise is F.dropout2d else torch.ones(2, 30, 4, 4, 4)
    ones = torch.ones(2, 30, 4) if noise is F.dropout1d else ones
    with Spy(is_silent=True):
        assert torch.equal(noise(ones, 0.5, training=True), ones)
        assert torch.equal(noise(ones, p=0.5), ones)
    with Spy(is_silent=False):
        assert not torch.equal(noise(ones, 0.5, training=True), ones)


def test_other_functions_pass() -> None:
    with Spy(is_silent=True) as spy:
        assert torch.equal(F.relu(LOGITS), LOGITS.clamp(min=0))
    assert spy.call is None
