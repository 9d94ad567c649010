"""Means whose uncertainty is noted; the numbers themselves are tested in tests/marginalize/test_uncertainty.py."""

import pytest
import torch

from lightning_regkit.callbacks._predicted_samples import PredictedSamples
from lightning_regkit.marginalize import Averaging, combine, uncertainty

VIEWS = list(torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_what_a_batch_ends_with_is_noted(activation: str) -> None:
    samples = PredictedSamples(Averaging(activation))
    samples.mean(VIEWS[:1], is_noted=True)
    mean = samples.mean(iter(VIEWS), [1, 2, 3], is_noted=True)
    samples.end_batch()
    samples.mean(VIEWS, is_noted=True)
    samples.end_batch()
    expected = uncertainty(VIEWS, weights=[1, 2, 3], activation=activation), uncertainty(VIEWS, activation=activation)
    assert torch.equal(mean, expected[0].scores)
    assert samples.uncertainty is not None
    for name in ("scores", "predictive_entropy", "mutual_information"):
        found = getattr(samples.uncertainty, name)
        assert torch.equal(found, torch.cat([getattr(each, name) for each in expected]))


@pytest.mark.parametrize(
    ("averaging", "is_noted"),
    [(Averaging(), False), (Averaging("none"), True), (Averaging(space="logits"), True)],
)
def test_only_distributions_are_uncertain(averaging: Averaging, is_noted: bool) -> None:
    samples = PredictedSamples(averaging)
    mean = samples.mean(VIEWS, [1, 2, 3], is_noted=is_noted)
    samples.end_batch()
    expected = combine(VIEWS, weights=[1, 2, 3], activation=averaging.activation, space=averaging.space)
    assert torch.equal(mean, expected)
    assert samples.uncertainty is None
