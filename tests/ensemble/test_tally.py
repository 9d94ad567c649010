"""The curve against torchmetrics and torch on means taken by hand, and sums over batches."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.testing import assert_close
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error

from lightning_regkit.ensemble import Tally, disagreement, tally
from tests.mixing.support import fake_device

CLASSES = 4


def batch(members: int = 3, samples: int = 20, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(members, samples, CLASSES, generator=generator)
    return logits, torch.randint(CLASSES, (samples,), generator=generator)


@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 1000))
def test_every_row_equals_hand_made_means_and_torchmetrics(members: int, samples: int, seed: int) -> None:
    logits, targets = batch(members, samples, seed)
    rows = tally(logits, targets).rows()
    assert [row.num_members for row in rows] == list(range(1, members + 1))
    for row in rows:
        mean = logits[-row.num_members :].softmax(-1).mean(0)
        accuracy = multiclass_accuracy(mean, targets, num_classes=CLASSES, average="micro")
        error = multiclass_calibration_error(mean, targets, num_classes=CLASSES, n_bins=15, norm="l1")
        alone = logits[-row.num_members]
        assert row.accuracy == pytest.approx(accuracy.item(), abs=1e-6)
        assert row.nll == pytest.approx(functional.nll_loss(mean.log(), targets).item(), rel=1e-4)
        assert row.ece == pytest.approx(error.item(), abs=1e-5)
        assert row.disagreement == pytest.approx(disagreement(logits[-row.num_members :]).item(), abs=1e-6)
        assert row.member_accuracy == pytest.approx((alone.argmax(-1) == targets).float().mean().item(), abs=1e-6)
        assert row.member_nll == pytest.approx(functional.cross_entropy(alone, targets).item(), rel=1e-4)


def test_batches_and_processes_add_up() -> None:
    logits, targets = batch()
    parts = tally(logits[:, :7], targets[:7]) + tally(logits[:, 7:], targets[7:])
    whole = tally(logits, targets)
    assert parts.count == whole.count == 20
    assert_close(parts.sums, whole.sums)
    assert_close(parts.bins, whole.bins)
    assert isinstance(parts.to("cpu"), Tally)


def test_an_empty_tally_has_rows_of_zeros() -> None:
    rows = tally(torch.zeros(2, 0, 3), torch.zeros(0, dtype=torch.long)).rows()
    assert [(row.accuracy, row.nll, row.ece) for row in rows] == [(0.0, 0.0, 0.0)] * 2


def test_it_is_made_without_waiting_for_the_device() -> None:
    device = fake_device()
    with FakeTensorMode():
        logits = torch.empty(3, 5, CLASSES, device=device)
        targets = torch.empty(5, dtype=torch.long, device=device)
        found = tally(logits, targets)
    assert found.sums.device.type == device
    assert found.bins.shape == (3, 3, 15)


def test_arguments_are_left_alone_and_small_integers_do() -> None:
    logits, targets = batch()
    before = logits.clone(), targets.clone()
    found = tally(logits.half(), targets.to(torch.uint8)).rows()
    assert found[0].num_members == 1
    tally(logits, targets)
    assert torch.equal(logits, before[0])
    assert torch.equal(targets, before[1])


@pytest.mark.parametrize(
    ("targets", "kind", "text"),
    [
        (torch.zeros(20), TypeError, "hold classes as integers, got torch.float32."),
        (torch.zeros(20, dtype=torch.bool), TypeError, "hold classes as integers, got torch.bool."),
        (torch.zeros(20, 4, dtype=torch.long), ValueError, "be of shape (20,), got (20, 4)."),
    ],
)
def test_refusals(targets: Tensor, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        tally(batch()[0], targets)
    remedy = "A curve is of classes: pass curve=False, and readout=Readout(activation=...) of what the scores are."
    assert str(refusal.value) == f"ensemble.tally: targets must {text} {remedy}"
