"""The curve against torchmetrics and torch, and sums over batches."""

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.classification import multiclass_accuracy

from lightning_regkit.crops import Tally, ViewsRow, tally

CLASSES = 4
SECONDS = {1: 0.5, 2: 1.0, 5: 2.0}


def batch(samples: int = 20, seed: int = 0) -> tuple[dict[int, Tensor], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = {views: 2 * torch.randn(samples, CLASSES, generator=generator) for views in SECONDS}
    return scores, torch.randint(CLASSES, (samples,), generator=generator)


@given(st.integers(1, 30), st.integers(0, 1000))
def test_every_row_equals_torchmetrics_and_torch(samples: int, seed: int) -> None:
    scores, targets = batch(samples, seed)
    rows = tally(scores, targets, SECONDS).rows()
    assert [row.num_views for row in rows] == [1, 2, 5]
    for row in rows:
        mean = scores[row.num_views]
        accuracy = multiclass_accuracy(mean, targets, num_classes=CLASSES, average="micro")
        assert row.accuracy == pytest.approx(accuracy.item(), abs=1e-6)
        assert row.nll == pytest.approx(functional.cross_entropy(mean, targets).item(), rel=1e-4)
        assert row.milliseconds == pytest.approx(1000 * SECONDS[row.num_views] / samples)


def test_batches_and_processes_add_up() -> None:
    scores, targets = batch()
    first = tally({views: each[:7] for views, each in scores.items()}, targets[:7], {1: 0.1, 2: 0.2, 5: 0.3})
    second = tally({views: each[7:] for views, each in scores.items()}, targets[7:], {1: 0.4, 2: 0.8, 5: 1.7})
    for found, whole in zip((first + second).rows(), tally(scores, targets, SECONDS).rows(), strict=True):
        assert found.accuracy == whole.accuracy
        assert found.nll == pytest.approx(whole.nll)
        assert found.milliseconds == pytest.approx(whole.milliseconds)


def test_it_is_plain_numbers_that_pickle() -> None:
    found = tally(*batch(), SECONDS)
    assert pickle.loads(pickle.dumps(found)) == found
    assert {type(number) for sums in found.sums.values() for number in sums} == {float}


def test_rows_are_sorted_and_none_are_zeros() -> None:
    assert Tally(2, {5: (1.0, 4.0, 0.004), 1: (2.0, 1.0, 0.002)}).rows() == (
        ViewsRow(1, 1.0, 0.5, 1.0),
        ViewsRow(5, 0.5, 2.0, 2.0),
    )
    assert Tally(0, {1: (0.0, 0.0, 0.0)}).rows() == (ViewsRow(1, 0.0, 0.0, 0.0),)


def test_arguments_are_left_alone_and_half_precision_does() -> None:
    scores, targets = batch()
    before = {views: each.clone() for views, each in scores.items()}, targets.clone()
    halves = {views: each.half() for views, each in scores.items()}
    half = tally(halves, targets.to(torch.uint8), SECONDS).rows()
    assert half[0].nll == pytest.approx(tally(scores, targets, SECONDS).rows()[0].nll, rel=1e-3)
    assert all(torch.equal(scores[views], before[0][views]) for views in scores)
    assert torch.equal(targets, before[1])


@pytest.mark.parametrize(
    ("targets", "kind", "text"),
    [
        (torch.zeros(20), TypeError, "hold classes as integers, got torch.float32."),
        (torch.zeros(20, dtype=torch.bool), TypeError, "hold classes as integers, got torch.bool."),
        (torch.zeros(20, dtype=torch.complex64), TypeError, "hold classes as integers, got torch.complex64."),
        (torch.zeros(20, 4, dtype=torch.long), ValueError, "be of shape (20,), got (20, 4)."),
    ],
)
def test_refused_targets(targets: Tensor, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        tally(batch()[0], targets, SECONDS)
    remedy = "A curve is of classes: pass curve=False, and readout=Readout(activation=...) of what the scores are."
    assert str(refusal.value) == f"crops.tally: targets must {text} {remedy}"


def test_scores_of_places_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^crops\.tally: scores must be of shape \(B, K\), got \(20, 4, 7, 7\)\.$"):
        tally({1: torch.zeros(20, 4, 7, 7)}, torch.zeros(20, dtype=torch.long), {1: 0.1})


def test_other_numbers_of_views_are_refused() -> None:
    scores, targets = batch()
    with pytest.raises(ValueError, match=r"^crops\.tally: seconds must be of \[1, 2, 5\] views, got \[1\]\.$"):
        tally(scores, targets, {1: 0.1})
    with pytest.raises(ValueError, match=r"^crops\.tally: numbers of views must be \[1\], got \[2\]\.$"):
        _ = Tally(1, {1: (0.0, 0.0, 0.0)}) + Tally(1, {2: (0.0, 0.0, 0.0)})
