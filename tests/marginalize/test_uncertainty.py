import math
from dataclasses import FrozenInstanceError

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributions import Bernoulli, Categorical

from lightning_regkit.marginalize import Uncertainty, combine, entropy, uncertainty
from tests.marginalize.support import SEEDS, naive_mean, random_scores, random_weights
from tests.mixing.support import fake_device

ACTIVATIONS = ("softmax", "sigmoid")
COUNTS = st.integers(1, 5)


def test_worked_entropies() -> None:
    scores = torch.tensor([[0.0, math.log(3)]])
    expected = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    torch.testing.assert_close(entropy(scores), torch.tensor([expected]))
    torch.testing.assert_close(entropy(scores, "sigmoid"), torch.tensor([[math.log(2), expected]]))


@given(st.integers(1, 4), st.integers(1, 6), SEEDS)
def test_entropy_equals_torchs_distributions(batch_size: int, num_classes: int, seed: int) -> None:
    scores = random_scores(seed, batch_size, num_classes)
    torch.testing.assert_close(entropy(scores), Categorical(logits=scores).entropy())
    torch.testing.assert_close(entropy(scores, "sigmoid"), Bernoulli(logits=scores).entropy())


def test_entropy_of_dense_scores_is_per_position() -> None:
    scores = random_scores(0, 2, 3, 4, 5)
    torch.testing.assert_close(entropy(scores), Categorical(logits=scores.movedim(1, -1)).entropy())


def test_entropy_of_certainty_is_zero_and_of_ignorance_log_k() -> None:
    certain = torch.tensor([[0.0, -math.inf, -math.inf]])
    assert entropy(certain).tolist() == [0.0]
    assert entropy(torch.tensor([math.inf, -math.inf]), "sigmoid").tolist() == [0.0, 0.0]
    torch.testing.assert_close(entropy(torch.zeros(1, 7)), torch.tensor([math.log(7)]))


def test_nearly_certain_is_not_certain() -> None:
    # 1 - 1e-13 is 1 in float32, its logarithm -1e-13 is not 0; p log p of the other outcome is 30 times as large.
    expected = 31 * math.exp(-30)
    assert entropy(torch.tensor([[0.0, -30.0]])).item() == pytest.approx(expected, rel=1e-3)


def test_worked_disagreement() -> None:
    views = [torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.1, 0.9]]).log()]
    found = uncertainty(views)
    inside = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    torch.testing.assert_close(found.predictive_entropy, torch.tensor([math.log(2)]))
    torch.testing.assert_close(found.expected_entropy, torch.tensor([inside]))
    torch.testing.assert_close(found.mutual_information, torch.tensor([math.log(2) - inside]))
    weighted = uncertainty(views, weights=[1, 0])
    torch.testing.assert_close(weighted.predictive_entropy, torch.tensor([inside]))
    assert weighted.mutual_information.tolist() == [0.0]


@given(st.sampled_from(ACTIVATIONS), COUNTS, SEEDS)
def test_the_parts_are_what_they_say(activation: str, num_views: int, seed: int) -> None:
    views, weights = list(random_scores(seed, num_views, 2, 3)), random_weights(seed, num_views)
    found = uncertainty(iter(views), weights=weights, activation=activation)
    mean = combine(views, weights=weights, activation=activation)
    assert torch.equal(found.scores, mean)
    if activation == "softmax":
        predictive = Categorical(logits=mean).entropy()
        expected = naive_mean([Categorical(logits=view).entropy() for view in views], weights)
    else:
        predictive = Bernoulli(logits=mean).entropy()
        expected = naive_mean([Bernoulli(logits=view).entropy() for view in views], weights)
    torch.testing.assert_close(found.predictive_entropy, predictive)
    torch.testing.assert_close(found.expected_entropy, expected)


@given(st.sampled_from(ACTIVATIONS), COUNTS, SEEDS)
def test_mutual_information_is_the_mean_divergence_from_the_mean(activation: str, num_views: int, seed: int) -> None:
    views = list(random_scores(seed, num_views, 2, 3))
    found = uncertainty(views, activation=activation)
    kind = Categorical if activation == "softmax" else Bernoulli
    mean = kind(logits=found.scores)
    divergences = [torch.distributions.kl_divergence(kind(logits=view), mean) for view in views]
    torch.testing.assert_close(found.mutual_information, naive_mean(divergences), rtol=1e-6, atol=1e-12)
    assert (found.mutual_information >= 0).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_views_that_agree_have_no_mutual_information(activation: str) -> None:
    view = random_scores(0, 64, 5, dtype=torch.float32)
    found = uncertainty([view] * 3, activation=activation)
    torch.testing.assert_close(found.mutual_information, torch.zeros_like(found.mutual_information), rtol=0, atol=1e-6)
    assert (found.mutual_information >= 0).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_half_precision_is_measured_in_float32(activation: str) -> None:
    views = list(random_scores(0, 3, 4, 5, dtype=torch.float16))
    found = uncertainty(views, activation=activation)
    exact = uncertainty([view.double() for view in views], activation=activation)
    assert found.expected_entropy.dtype == found.predictive_entropy.dtype == torch.float32
    torch.testing.assert_close(found.mutual_information.double(), exact.mutual_information, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_wait_for_the_device(activation: str) -> None:
    device = fake_device()
    with FakeTensorMode():
        found = uncertainty([torch.empty(4, 3, device=device)] * 3, weights=[1, 2, 3], activation=activation)
        assert found.mutual_information.device.type == device


def test_without_a_distribution_there_is_no_entropy() -> None:
    expected = r"^marginalize\.entropy: activation must be one of sigmoid, softmax, got 'none'\.$"
    with pytest.raises(ValueError, match=expected):
        entropy(torch.zeros(1, 2), "none")
    expected = r"^marginalize\.uncertainty: activation must be one of sigmoid, softmax, got 'none'\.$"
    with pytest.raises(ValueError, match=expected):
        uncertainty([torch.zeros(1, 2)], activation="none")


def test_no_views_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^marginalize\.uncertainty: scores must hold at least one view, got \[\]\.$"):
        uncertainty([])


def test_batches_join_in_their_order() -> None:
    views = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    whole, parts = uncertainty(views), [uncertainty(views[:, :2]), uncertainty(views[:, 2:])]
    joined = Uncertainty.joined(parts)
    for name in ("scores", "predictive_entropy", "expected_entropy", "mutual_information"):
        torch.testing.assert_close(getattr(joined, name), getattr(whole, name))


def test_frozen() -> None:
    found = Uncertainty(torch.zeros(1, 2), torch.zeros(1), torch.zeros(1))
    with pytest.raises(FrozenInstanceError):
        found.scores = torch.zeros(1, 2)  # type: ignore[misc]  # the point of the test
