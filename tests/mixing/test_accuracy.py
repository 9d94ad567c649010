from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.utilities.data import dim_zero_sum

from lightning_regkit import mixing
from lightning_regkit.mixing import MixedAccuracy, MixedTarget

NUM_CLASSES = 4
SEEDS = st.integers(0, 2**32 - 1)


def batch(seed: int, batch_size: int = 5, *extra: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (B, K, ...), labels (2, B, ...), weights (2, B)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(NUM_CLASSES, (2, batch_size, *extra), generator=generator)
    lam = torch.rand(batch_size, generator=generator)
    scores = torch.randn(batch_size, NUM_CLASSES, *extra, generator=generator)
    return scores, labels, torch.stack([lam, 1 - lam])


def test_worked_values() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    target = MixedTarget(torch.tensor([[0, 0], [1, 2]]), torch.tensor([[0.75, 0.75], [0.25, 0.25]]))
    assert MixedAccuracy()(scores, target).item() == (0.75 + 0.25) / 2
    assert MixedAccuracy(top_k=2)(scores, target).item() == (1 + 0.25) / 2
    assert MixedAccuracy(ignore_index=0)(scores, target).item() == 0.25 / 0.5
    assert MixedAccuracy()(scores.argmax(1), target).item() == 0.5


@given(st.integers(1, 6), st.floats(0, 1), SEEDS)
def test_equals_the_authors_accuracy(batch_size: int, lam: float, seed: int) -> None:
    scores, labels, _ = batch(seed, batch_size)
    target = MixedTarget(labels, torch.tensor([[lam], [1 - lam]]).repeat(1, batch_size))
    first, second = ((scores.argmax(1) == parent).float().mean().item() for parent in labels)
    assert MixedAccuracy()(scores, target).item() == pytest.approx(lam * first + (1 - lam) * second, abs=1e-6)


@given(st.sampled_from([(), (3,), (2, 2)]), st.sampled_from([None, 1]), st.integers(1, 3), SEEDS)
def test_equals_a_loop(extra: tuple[int, ...], ignore_index: int | None, top_k: int, seed: int) -> None:
    scores, labels, weights = batch(seed, 3, *extra)
    correct = total = 0.0
    for m in range(2):
        for place in torch.ones(labels.shape[1:]).nonzero().tolist():
            label, share = int(labels[(m, *place)]), float(weights[m, place[0]])
            if label != ignore_index:
                best = scores[place[0]].movedim(0, -1)[tuple(place[1:])].argsort(descending=True)[:top_k].tolist()
                correct += share * (label in best)
                total += share
    accuracy = MixedAccuracy(top_k=top_k, ignore_index=ignore_index)
    if total:
        assert accuracy(scores, MixedTarget(labels, weights)).item() == pytest.approx(correct / total, abs=1e-5)


@pytest.mark.parametrize("top_k", [1, 2])
@pytest.mark.parametrize("ignore_index", [None, 1])
@pytest.mark.parametrize("extra", [(), (3,)])
def test_plain_labels_have_torchmetrics_accuracy(top_k: int, ignore_index: int | None, extra: tuple[int, ...]) -> None:
    ours = MixedAccuracy(top_k=top_k, ignore_index=ignore_index)
    theirs = MulticlassAccuracy(NUM_CLASSES, average="micro", top_k=top_k, ignore_index=ignore_index)
    for seed, batch_size in enumerate([5, 2, 1]):
        scores, labels, _ = batch(seed, batch_size, *extra)
        ours.update(scores, labels[0])
        theirs.update(scores, labels[0])
    torch.testing.assert_close(ours.compute(), theirs.compute())


def test_batches_add_up_and_processes_too() -> None:
    scores, labels, weights = batch(0, 6)
    whole, first, second = MixedAccuracy(), MixedAccuracy(), MixedAccuracy()
    whole.update(scores, MixedTarget(labels, weights))
    for metric, part in ((first, slice(0, 2)), (second, slice(2, 6))):
        metric.update(scores[part], MixedTarget(labels[:, part], weights[:, part]))
    merged = MixedAccuracy()
    merged.correct, merged.total = first.correct + second.correct, first.total + second.total
    assert set(whole._reductions.values()) == {dim_zero_sum}
    merged.update(scores[:0], labels[0, :0])
    torch.testing.assert_close(merged.compute(), whole.compute())


def test_it_starts_again_after_reset_and_works_in_a_collection() -> None:
    scores, labels, weights = batch(0)
    metrics = MetricCollection({"mixed": MixedAccuracy(), "dominant": MulticlassAccuracy(NUM_CLASSES, average="micro")})
    target = MixedTarget(labels, weights)
    first = metrics(scores, target)
    metrics.reset()
    assert metrics(scores, target) == first
    assert not target.is_consumed


def test_nothing_counted_is_nan() -> None:
    accuracy = MixedAccuracy(ignore_index=0)
    assert accuracy(torch.zeros(1, 2), torch.tensor([0])).isnan()


@pytest.mark.parametrize(
    ("preds", "target", "condition"),
    [
        (torch.zeros(3), torch.zeros(3).long(), "target (3,), got (3,)."),
        (torch.zeros(3, 4, 2), torch.zeros(3).long(), "target (3,), got (3, 4, 2)."),
        (torch.zeros(2, 4), torch.zeros(3).long(), "target (3,), got (2, 4)."),
    ],
)
def test_shapes_that_do_not_fit_are_refused(preds: Tensor, target: Tensor, condition: str) -> None:
    with pytest.raises(ValueError, match="preds") as caught:
        MixedAccuracy().update(preds, target)
    assert str(caught.value) == (
        f"MixedAccuracy: preds must be scores (B, K, ...) or, for top_k=1, class indices (B, ...) for a {condition}"
    )


def test_other_arguments_are_refused() -> None:
    expected = (
        r"^MixedAccuracy: target must hold class indices, got torch\.float32\. "
        r"Probabilities have no one label: give the labels\.$"
    )
    with pytest.raises(ValueError, match=expected):
        MixedAccuracy().update(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"^MixedAccuracy: top_k must be a positive integer, got 0\.$"):
        MixedAccuracy(top_k=0)
    one: Any = 1.0
    with pytest.raises(TypeError, match=r"^MixedAccuracy: top_k must be a positive integer, got 1\.0\.$"):
        MixedAccuracy(top_k=one)


def test_names_are_listed_before_it_is_loaded_and_others_are_refused() -> None:
    assert dir(mixing) == sorted(mixing.__all__)
    with pytest.raises(AttributeError, match=r"^module 'lightning_regkit\.mixing' has no attribute 'MixedPrecision'$"):
        _ = mixing.MixedPrecision
