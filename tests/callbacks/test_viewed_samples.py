import pytest
import torch
from torch import Tensor

from lightning_regkit.callbacks._viewed_samples import ViewedSamples
from lightning_regkit.crops import Layout, View, from_center
from lightning_regkit.marginalize import view_probabilities

LISTED = Layout("ten", (), 2).views(4, 5)
ORDER = from_center(LISTED)


def scores(count: int) -> dict[View, Tensor]:
    generator = torch.Generator().manual_seed(count)
    return {view: torch.randn(count, 3, generator=generator) for view in LISTED}


def read(samples: ViewedSamples, of: dict[View, Tensor], places: list[int]) -> None:
    passed = list(samples.watched((of[view] for view in ORDER), ORDER, LISTED, places))
    assert all(each is of[view] for each, view in zip(passed, ORDER, strict=True))


def expected(of: dict[View, Tensor]) -> Tensor:
    return view_probabilities([of[view] for view in LISTED])


def test_views_are_in_the_order_of_the_layout_and_samples_in_that_of_the_batches() -> None:
    samples, first, second, third = ViewedSamples("softmax"), scores(2), scores(1), scores(3)
    assert samples.probabilities is None
    samples.begin()
    read(samples, first, [2, 0])
    read(samples, second, [1])
    samples.end_batch()
    samples.begin()
    read(samples, third, [0, 1, 2])
    samples.end_batch()
    assert samples.probabilities is not None
    assert samples.probabilities.shape == (6, 10, 3)
    by_hand = [expected(first)[[1]], expected(second), expected(first)[[0]], expected(third)]
    torch.testing.assert_close(samples.probabilities, torch.cat(by_hand))


def test_a_batch_that_is_begun_again_counts_once() -> None:
    samples = ViewedSamples("softmax")
    for count in (1, 2):
        samples.begin()
        read(samples, scores(count), list(range(count)))
    samples.end_batch()
    samples.end_batch()
    assert samples.probabilities is not None
    torch.testing.assert_close(samples.probabilities, expected(scores(2)))


def test_too_few_views_are_no_sample() -> None:
    samples = ViewedSamples("softmax")
    with pytest.raises(ValueError, match="shorter"):
        list(samples.watched([torch.zeros(1, 3)] * 9, ORDER, LISTED, [0]))
    samples.end_batch()
    assert samples.probabilities is None
