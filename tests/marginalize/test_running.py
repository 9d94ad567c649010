import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.marginalize import Averaging, RunningMean
from tests.marginalize.support import SEEDS, naive_mean, random_scores, random_weights
from tests.mixing.support import fake_device

ALL = [
    Averaging("softmax", "probs"),
    Averaging("softmax", "logits"),
    Averaging("softmax", "log_probs"),
    Averaging("sigmoid", "probs"),
    Averaging("sigmoid", "logits"),
    Averaging("sigmoid", "log_probs"),
    Averaging("none", "probs"),
    Averaging("none", "logits"),
]


def mean_of(averaging: Averaging, views: list[Tensor], weights: list[float] | None = None) -> Tensor:
    mean = RunningMean(averaging)
    for view, weight in zip(views, weights or [1.0] * len(views), strict=True):
        mean.add(view, weight)
    return mean.value()


@pytest.mark.parametrize("averaging", ALL)
def test_one_view_is_its_own_mean(averaging: Averaging) -> None:
    view = random_scores(0, 3, 4)
    value = mean_of(averaging, [view], [0.3])
    if averaging.activation == "softmax":
        value, view = value.softmax(1), view.softmax(1)
    torch.testing.assert_close(value, view)


def test_the_mean_after_every_view() -> None:
    mean = RunningMean()
    views = list(random_scores(0, 5, 2, 3))
    for count, view in enumerate(views, start=1):
        mean.add(view)
        expected = naive_mean([seen.softmax(1) for seen in views[:count]])
        torch.testing.assert_close(mean.value().softmax(1), expected)


@pytest.mark.parametrize("space", ["probs", "log_probs"])
def test_means_of_softmax_distributions_are_normalized(space: str) -> None:
    value = mean_of(Averaging("softmax", space), list(random_scores(0, 3, 4, 5)), [1.0, 2.0, 3.0])
    torch.testing.assert_close(value.exp().sum(1), torch.ones(4, dtype=torch.float64))


@settings(max_examples=50)
@given(st.sampled_from(ALL), st.integers(1, 5), SEEDS)
def test_only_ratios_of_weights_count(averaging: Averaging, num_views: int, seed: int) -> None:
    views, weights = list(random_scores(seed, num_views, 2, 3)), random_weights(seed, num_views)
    scaled = [1000 * weight for weight in weights]
    torch.testing.assert_close(mean_of(averaging, views, weights), mean_of(averaging, views, scaled))


@pytest.mark.parametrize("averaging", ALL)
def test_a_view_of_weight_zero_adds_nothing_not_even_infinity(averaging: Averaging) -> None:
    view = random_scores(0, 2, 3)
    mean = RunningMean(averaging)
    mean.add(torch.full((2, 3), math.nan), 0)
    mean.add(view, 2.0)
    mean.add(torch.full((2, 3), -math.inf), 0.0)
    assert torch.equal(mean.value(), mean_of(averaging, [view], [2.0]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("averaging", ALL)
def test_sums_are_float32(averaging: Averaging, dtype: torch.dtype) -> None:
    views = list(random_scores(0, 7, 2, 3, dtype=dtype))
    value = mean_of(averaging, views)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, mean_of(averaging, [view.double() for view in views]).float())


def test_float64_stays() -> None:
    assert mean_of(Averaging(), [random_scores(0, 2, 3)]).dtype == torch.float64


@pytest.mark.parametrize("averaging", ALL)
def test_no_wait_for_the_device(averaging: Averaging) -> None:
    device = fake_device()
    with FakeTensorMode():
        views = [torch.empty(4, 3, device=device, dtype=torch.float16) for _ in range(3)]
        value = mean_of(averaging, views, [0.2, 0.5, 0.3])
    assert value.device.type == device
    assert value.shape == (4, 3)


@pytest.mark.parametrize("averaging", ALL)
def test_arguments_stay_as_they_are(averaging: Averaging) -> None:
    views = list(random_scores(0, 3, 2, 3))
    before = [view.clone() for view in views]
    value = mean_of(averaging, views)
    assert all(torch.equal(view, old) for view, old in zip(views, before, strict=True))
    value.fill_(0)
    assert all(torch.equal(view, old) for view, old in zip(views, before, strict=True))


@pytest.mark.parametrize("averaging", ALL)
def test_a_value_is_a_new_tensor(averaging: Averaging) -> None:
    mean, view = RunningMean(averaging), random_scores(0, 2, 3)
    mean.add(view)
    before = mean.value().clone()
    mean.value().fill_(7)
    assert torch.equal(mean.value(), before)


@pytest.mark.parametrize("averaging", ALL)
def test_gradients_flow(averaging: Averaging) -> None:
    views = [view.requires_grad_() for view in random_scores(0, 3, 2, 3).unbind()]
    assert torch.autograd.gradcheck(lambda *given: mean_of(averaging, list(given), [1.0, 2.0, 3.0]), tuple(views))


def test_no_view_has_no_mean() -> None:
    mean = RunningMean()
    mean.add(torch.zeros(1, 2), 0)
    with pytest.raises(ValueError, match=r"^marginalize: views must hold one of positive weight, got \[\]\.$"):
        mean.value()


def test_another_shape_is_refused() -> None:
    mean = RunningMean()
    mean.add(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"^marginalize: scores must all be of shape \(2, 3\), got \(1, 3\)\.$"):
        mean.add(torch.zeros(1, 3))


def test_softmax_needs_a_class_dimension() -> None:
    expected = (
        r"^marginalize: scores must be of shape \(B, K, \.\.\.\), got \(3,\)\. "
        r"With one score per example, pass activation='sigmoid'\.$"
    )
    with pytest.raises(ValueError, match=expected):
        RunningMean().add(torch.zeros(3))
    RunningMean(Averaging("sigmoid")).add(torch.zeros(3))


@pytest.mark.parametrize(
    ("scores", "shown"), [([0.0], "'list'"), (torch.zeros(2, 2, dtype=torch.int64), r"torch\.int64")]
)
def test_what_holds_no_fractions_is_refused(scores: Tensor, shown: str) -> None:
    with pytest.raises(TypeError, match=rf"^marginalize: scores must be floating point tensors, got {shown}\.$"):
        RunningMean().add(scores)


@pytest.mark.parametrize("weight", [-1.0, math.inf])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=rf"^marginalize: weight must be a number of at least 0, got {weight}\.$"):
        RunningMean().add(torch.zeros(1, 2), weight)
