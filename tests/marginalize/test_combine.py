import gc
import math
import weakref
from collections.abc import Callable, Iterator
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit.marginalize import combine
from tests.marginalize.support import SEEDS, naive_mean, random_scores, random_weights

COUNTS = st.integers(1, 6)
EXTRA_DIMS = st.sampled_from([(), (3,), (2, 2)])
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda scores: scores.softmax(1),
    "sigmoid": torch.sigmoid,
    "none": lambda scores: scores,
}
MEANS = [
    ("softmax", "probs"),
    ("softmax", "logits"),
    ("softmax", "log_probs"),
    ("sigmoid", "probs"),
    ("sigmoid", "logits"),
    ("sigmoid", "log_probs"),
    ("none", "probs"),
]


def slow_softmax_mean(views: list[Tensor], weights: list[float]) -> list[list[float]]:
    """The definition for (B, K), number by number."""
    means = []
    for row in range(len(views[0])):
        total = [0.0] * views[0].shape[1]
        for view, weight in zip(views, weights, strict=True):
            exponentials = [math.exp(score) for score in view[row].tolist()]
            for k, exponential in enumerate(exponentials):
                total[k] += weight / sum(weights) * exponential / sum(exponentials)
        means.append(total)
    return means


def test_worked_example() -> None:
    views = [torch.tensor([[0.0, math.log(3)]]), torch.tensor([[0.0, 0.0]])]  # 1/4 3/4, 1/2 1/2
    torch.testing.assert_close(combine(views).exp(), torch.tensor([[0.375, 0.625]]))
    torch.testing.assert_close(combine(views, weights=[3, 1]).exp(), torch.tensor([[0.3125, 0.6875]]))
    torch.testing.assert_close(combine(views, space="logits"), torch.tensor([[0.0, math.log(3) / 2]]))
    root = math.sqrt(3)  # (1/4 1/2)^(1/2) : (3/4 1/2)^(1/2) = 1 : sqrt 3
    geometric = torch.tensor([[1 / (1 + root), root / (1 + root)]])
    torch.testing.assert_close(combine(views, space="log_probs").exp(), geometric)


def test_worked_example_of_sigmoid() -> None:
    views = [torch.tensor([0.0]), torch.tensor([math.log(3)])]  # 1/2, 3/4
    torch.testing.assert_close(combine(views, activation="sigmoid"), torch.tensor([math.log(0.625 / 0.375)]))
    torch.testing.assert_close(combine(views, activation="sigmoid", space="logits"), torch.tensor([math.log(3) / 2]))


@settings(max_examples=50)
@given(COUNTS, st.integers(1, 3), st.integers(1, 4), SEEDS)
def test_equals_a_loop(num_views: int, batch_size: int, num_classes: int, seed: int) -> None:
    views = list(random_scores(seed, num_views, batch_size, num_classes))
    weights = random_weights(seed, num_views)
    expected = torch.tensor(slow_softmax_mean(views, weights), dtype=torch.float64)
    torch.testing.assert_close(combine(views, weights=weights).softmax(1), expected)


@given(st.sampled_from(["softmax", "sigmoid", "none"]), COUNTS, EXTRA_DIMS, SEEDS, st.booleans())
def test_the_users_activation_recovers_the_mean(
    activation: str, num_views: int, extra: tuple[int, ...], seed: int, is_weighted: bool
) -> None:
    views = list(random_scores(seed, num_views, 2, 3, *extra))
    weights = random_weights(seed, num_views) if is_weighted else None
    apply = ACTIVATIONS[activation]
    mean = combine(views, weights=weights, activation=activation)
    torch.testing.assert_close(apply(mean), naive_mean([apply(view) for view in views], weights))


@settings(max_examples=50)
@given(COUNTS, EXTRA_DIMS, SEEDS)
def test_softmax_gives_logarithms_of_probabilities(num_views: int, extra: tuple[int, ...], seed: int) -> None:
    mean = combine(random_scores(seed, num_views, 2, 3, *extra))
    torch.testing.assert_close(mean, F.log_softmax(mean, 1))


@settings(max_examples=50)
@given(COUNTS, SEEDS)
def test_the_geometric_mean_of_distributions(num_views: int, seed: int) -> None:
    views, weights = list(random_scores(seed, num_views, 2, 3)), random_weights(seed, num_views)
    products = naive_mean([view.log_softmax(1) for view in views], weights).exp()
    expected = products / products.sum(1, keepdim=True)
    torch.testing.assert_close(combine(views, weights=weights, space="log_probs").exp(), expected)
    pairs = [torch.stack([torch.sigmoid(view), torch.sigmoid(-view)]) for view in views]
    products = naive_mean([pair.log() for pair in pairs], weights).exp()
    ours = combine(views, weights=weights, activation="sigmoid", space="log_probs")
    torch.testing.assert_close(torch.sigmoid(ours), products[0] / products.sum(0))


@settings(max_examples=50)
@given(COUNTS, SEEDS)
def test_two_classes_of_softmax_are_one_of_sigmoid(num_views: int, seed: int) -> None:
    views = random_scores(seed, num_views, 4, 2)
    softmax = combine(views)
    sigmoid = combine(views[..., 1] - views[..., 0], activation="sigmoid")
    torch.testing.assert_close(softmax[:, 1] - softmax[:, 0], sigmoid)


@pytest.mark.parametrize(("activation", "space"), MEANS)
def test_the_order_does_not_matter(activation: str, space: str) -> None:
    views, weights = list(random_scores(0, 4, 2, 3)), random_weights(0, 4)
    means = [
        combine([views[v] for v in order], weights=[weights[v] for v in order], activation=activation, space=space)
        for order in permutations(range(4))
    ]
    for mean in means[1:]:
        torch.testing.assert_close(mean, means[0])


@given(st.sampled_from(MEANS), st.lists(st.integers(1, 4), min_size=1, max_size=4), SEEDS)
def test_views_inside_members_are_all_views(mean: tuple[str, str], num_views: list[int], seed: int) -> None:
    activation, space = mean
    members = [list(random_scores(seed + m, count, 2, 3)) for m, count in enumerate(num_views)]
    inner = [random_weights(seed + m, count) for m, count in enumerate(num_views)]
    outer = random_weights(seed, len(num_views))
    nested = combine(
        [
            combine(views, weights=shares, activation=activation, space=space)
            for views, shares in zip(members, inner, strict=True)
        ],
        weights=outer,
        activation=activation,
        space=space,
    )
    flat_weights = [
        weight * share / sum(shares) for weight, shares in zip(outer, inner, strict=True) for share in shares
    ]
    views = [view for member in members for view in member]
    flat = combine(views, weights=flat_weights, activation=activation, space=space)
    torch.testing.assert_close(nested, flat)


@pytest.mark.parametrize(("activation", "space"), MEANS)
def test_members_inside_views_are_views_inside_members(activation: str, space: str) -> None:
    grid = random_scores(0, 3, 5, 2, 4)  # (M, V, B, K)
    by_member = combine(
        [combine(member, activation=activation, space=space) for member in grid], activation=activation, space=space
    )
    by_view = combine(
        [combine(view, activation=activation, space=space) for view in grid.transpose(0, 1)],
        activation=activation,
        space=space,
    )
    torch.testing.assert_close(by_member, by_view)


@settings(max_examples=50)
@given(st.sampled_from(MEANS), st.lists(st.integers(0, 3), min_size=1, max_size=4), SEEDS)
def test_a_weight_is_a_number_of_repetitions(mean: tuple[str, str], times: list[int], seed: int) -> None:
    if not any(times):
        return
    activation, space = mean
    views = list(random_scores(seed, len(times), 2, 3))
    repeated = [view for view, count in zip(views, times, strict=True) for _ in range(count)]
    ours = combine(views, weights=times, activation=activation, space=space)
    torch.testing.assert_close(ours, combine(repeated, activation=activation, space=space))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_extreme_scores_stay_finite_and_right(activation: str, dtype: torch.dtype) -> None:
    views = [torch.tensor([[6e4, -6e4, 0.0]], dtype=dtype), torch.tensor([[-6e4, -6e4, 0.0]], dtype=dtype)]
    mean = combine(views, activation=activation)
    assert mean.isfinite().all()
    if activation == "sigmoid":
        expected = [[0.0, -torch.tensor(6e4, dtype=dtype).item(), 0.0]]  # log(1/2 / 1/2)
    else:
        log_half = -math.log(2)
        expected = [[log_half, -6e4 + log_half, log_half]]  # log_softmax: 0 -12e4 -6e4, and -6e4 -6e4 0
    torch.testing.assert_close(mean, torch.tensor(expected), rtol=1e-3, atol=1e-3)


def test_small_probabilities_keep_their_logarithm() -> None:
    # Beside 1, exp(-200) is lost to float32.
    views = [torch.tensor([[0.0, -200.0]]), torch.tensor([[0.0, -201.0]])]
    expected = -200 + math.log((1 + math.exp(-1)) / 2)
    assert combine(views)[0, 1].item() == pytest.approx(expected, rel=1e-6)
    views = [torch.tensor([200.0, -200.0]), torch.tensor([201.0, -201.0])]
    sigmoid = combine(views, activation="sigmoid")
    torch.testing.assert_close(sigmoid, torch.tensor([-expected, expected]))


def test_a_class_that_no_view_allows_stays_impossible() -> None:
    mean = combine([torch.tensor([[0.0, -math.inf, 0.0]])] * 2)
    torch.testing.assert_close(mean.exp(), torch.tensor([[0.5, 0.0, 0.5]]))


def test_a_class_that_one_view_excludes_keeps_the_others_share() -> None:
    mean = combine([torch.tensor([[0.0, -math.inf]]), torch.tensor([[0.0, 0.0]])])
    torch.testing.assert_close(mean.exp(), torch.tensor([[0.75, 0.25]]))


def test_ten_thousand_views_in_float32() -> None:
    views = random_scores(0, 10_000, 1, 5, dtype=torch.float32)
    expected = naive_mean([view.double().softmax(1) for view in views])
    torch.testing.assert_close(combine(views).softmax(1).double(), expected, rtol=1e-4, atol=0)


def test_a_generator_needs_the_memory_of_one_view() -> None:
    alive: list[weakref.ref[Tensor]] = []

    def stream() -> Iterator[Tensor]:
        for seed in range(20):
            view = random_scores(seed, 2, 3)
            alive.append(weakref.ref(view))
            assert sum(ref() is not None for ref in alive) <= 2  # this one and the one before
            yield view

    gc.collect()
    combine(stream())
    assert len(alive) == 20


def test_choices_are_checked() -> None:
    expected = r"^marginalize: activation must be one of none, sigmoid, softmax, got 'relu'\.$"
    with pytest.raises(ValueError, match=expected):
        combine([torch.zeros(1, 2)], activation="relu")
    expected = r"^marginalize: space must be one of log_probs, logits, probs, got 'prob'\.$"
    with pytest.raises(ValueError, match=expected):
        combine([torch.zeros(1, 2)], space="prob")


def test_wrong_streams_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^marginalize\.combine: scores must hold at least one view, got \[\]\.$"):
        combine([])
    expected = r"^marginalize\.combine: weights must hold one number per view, got 1\. Number of views: more than 1\.$"
    with pytest.raises(ValueError, match=expected):
        combine([torch.zeros(1, 2)] * 2, weights=[1.0])
