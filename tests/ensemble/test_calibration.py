"""Calibration against torchmetrics, a slow loop at the edges of bins, and hand-worked values."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from lightning_regkit.ensemble import calibration_error
from lightning_regkit.ensemble._calibration import bin_sums, error_of_bins


def batch(seed: int, samples: int = 40, classes: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(samples, classes, generator=generator), torch.randint(
        classes, (samples,), generator=generator
    )


@given(st.integers(0, 10_000), st.sampled_from([1, 5, 15]))
def test_equals_torchmetrics(seed: int, num_bins: int) -> None:
    logits, targets = batch(seed)
    theirs = multiclass_calibration_error(logits.softmax(-1), targets, num_classes=4, n_bins=num_bins, norm="l1")
    assert calibration_error(logits, targets, num_bins).item() == pytest.approx(theirs.item(), abs=1e-6)


def test_worked_value() -> None:
    logits = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]).log()
    targets = torch.tensor([0, 1, 1, 1])
    # two samples of 0.9, half right: 0.4; two of 0.6, all right: 0.4
    assert calibration_error(logits, targets).item() == pytest.approx(0.4)


def test_bins_are_closed_above_as_in_the_paper() -> None:
    confidences = torch.tensor([[0.5, 0.25, 0.75, 1.0]])
    counts = bin_sums(confidences, torch.ones(1, 4, dtype=torch.bool), num_bins=4)[0, 0]
    assert counts.tolist() == [1, 1, 1, 1]


def test_sums_of_batches_add_up() -> None:
    logits, targets = batch(3)
    confidences, classes = logits.softmax(-1).max(-1)
    is_right = (classes == targets)[None]
    parts = [bin_sums(confidences[None, rows], is_right[:, rows]) for rows in (slice(0, 7), slice(7, None))]
    assert error_of_bins(parts[0] + parts[1]).item() == pytest.approx(
        calibration_error(logits, targets).item(), abs=1e-6
    )


def test_confidence_beyond_one_by_rounding_is_in_the_last_bin() -> None:
    sums = bin_sums(torch.tensor([[1.0000001]]), torch.tensor([[True]]), num_bins=3)
    assert sums[0, 0].tolist() == [0, 0, 1]


def test_an_empty_batch_has_no_error() -> None:
    assert calibration_error(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)) == 0


def test_refusals() -> None:
    with pytest.raises(ValueError, match="ensemble") as refusal:
        calibration_error(torch.zeros(2, 3), torch.zeros(3))
    text = "ensemble.calibration_error: logits and targets must be (B, K) and (B,), got ((2, 3), (3,))."
    assert str(refusal.value) == text
    with pytest.raises(ValueError, match="ensemble") as refusal:
        calibration_error(torch.zeros(2, 3), torch.zeros(2), 0)
    assert str(refusal.value) == "ensemble.calibration_error: num_bins must be a positive integer, got 0."
