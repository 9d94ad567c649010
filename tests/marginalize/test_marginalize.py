from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.marginalize import Averaging, combine, marginalize
from tests.marginalize.support import SEEDS, naive_mean, random_scores, random_weights
from tests.mixing.support import fake_device

AVERAGINGS = st.sampled_from(
    [
        None,
        Averaging(),
        Averaging(space="logits"),
        Averaging(space="log_probs"),
        Averaging("sigmoid"),
        Averaging("none"),
    ]
)


def model(images: Tensor) -> Tensor:
    """(N, C, H, W) to (N, 2C): every image on its own."""
    return torch.cat([images.mean((2, 3)), images.amax((2, 3))], 1)


def test_worked_example() -> None:
    views = [torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log(), torch.tensor([[0.5, 0.5], [0.4, 0.6]]).log()]
    probs = marginalize(lambda images: images, views, weights=[1, 3]).softmax(1)
    torch.testing.assert_close(probs, torch.tensor([[0.6, 0.4], [0.35, 0.65]]))


@given(AVERAGINGS, st.integers(1, 3), st.integers(1, 6), st.none() | st.integers(1, 20), SEEDS)
def test_any_chunk_gives_the_mean_of_the_views(
    averaging: Averaging | None, batch_size: int, num_views: int, chunk: int | None, seed: int
) -> None:
    views, weights = list(random_scores(seed, num_views, batch_size, 3, 2, 2)), random_weights(seed, num_views)
    ours = marginalize(model, views, weights=weights, averaging=averaging, chunk=chunk)
    chosen = averaging or Averaging()
    expected = combine(map(model, views), weights=weights, activation=chosen.activation, space=chosen.space)
    torch.testing.assert_close(ours, expected)


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 9), SEEDS)
def test_views_inside_members_equal_all_pairs(num_members: int, num_views: int, chunk: int, seed: int) -> None:
    views, scales = list(random_scores(seed, num_views, 2, 3, 2, 2)), random_weights(seed, num_members)

    def member(images: Tensor, scale: float) -> Tensor:
        return model(scale * images)

    by_member = combine(marginalize(partial(member, scale=scale), views, chunk=chunk) for scale in scales)
    by_view = marginalize(lambda images: combine(member(images, scale) for scale in scales), views, chunk=chunk)
    flat = naive_mean([member(view, scale).softmax(1) for scale in scales for view in views])
    torch.testing.assert_close(by_member.softmax(1), flat)
    torch.testing.assert_close(by_view.softmax(1), flat)


@pytest.mark.parametrize("chunk", [1, 3, 7, None])
def test_a_network_with_batch_statistics_at_rest(chunk: int | None) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net.eval()
    views = [random_scores(side, 2, 3, side, side, dtype=torch.float32) for side in (5, 5, 6)]
    with torch.inference_mode():
        ours = marginalize(net, views, chunk=chunk)
        expected = naive_mean([net(view).softmax(1) for view in views])
    torch.testing.assert_close(ours.softmax(1), expected.float())


def test_half_precision_models_are_averaged_in_float32() -> None:
    views = list(random_scores(0, 5, 2, 3, 2, 2, dtype=torch.bfloat16))
    mean = marginalize(model, views, chunk=3)
    assert mean.dtype == torch.float32
    torch.testing.assert_close(
        mean.softmax(1).double(), naive_mean([model(view).double().softmax(1) for view in views])
    )


@pytest.mark.parametrize("chunk", [1, 3, 4, 9])
def test_no_wait_for_the_device(chunk: int) -> None:
    device = fake_device()
    with FakeTensorMode():
        views = [torch.empty(4, 3, 2, 2, device=device) for _ in range(3)]
        mean = marginalize(model, views, weights=[1, 2, 3], chunk=chunk)
    assert mean.device.type == device
    assert mean.shape == (4, 6)


def test_wrong_arguments_are_refused() -> None:
    views = [torch.zeros(1, 2)] * 2
    expected = r"^marginalize\.combine: weights must hold one number per view, got 3\. Number of views: 2\.$"
    with pytest.raises(ValueError, match=expected):
        marginalize(lambda images: images, views, weights=[1, 1, 1])
    with pytest.raises(ValueError, match=r"^marginalize: chunk must be a positive integer, got 0\.$"):
        marginalize(lambda images: images, views, chunk=0)
    with pytest.raises(ValueError, match=r"^marginalize\.combine: scores must hold at least one view, got \[\]\.$"):
        marginalize(lambda images: images, [])
