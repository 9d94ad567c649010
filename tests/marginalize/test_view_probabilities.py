import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close

from lightning_regkit.marginalize import combine, view_probabilities
from tests.mixing.support import fake_device


def views(*shape: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    return list(torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)).to(dtype))


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 2, 3)])
def test_softmax_of_each_view(shape: tuple[int, ...]) -> None:
    scores = views(*shape)
    found = view_probabilities(scores)
    assert found.shape == (5, 3, *shape[1:])
    for view, each in enumerate(scores):
        assert_close(found[:, view], each.exp() / each.exp().sum(1, keepdim=True))


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 4)])
def test_sigmoid_and_none_of_each_view(shape: tuple[int, ...]) -> None:
    scores = views(*shape)
    assert_close(view_probabilities(scores, "sigmoid"), 1 / (1 + (-torch.stack(scores, 1)).exp()))
    assert torch.equal(view_probabilities(scores, "none"), torch.stack(scores, 1))


def test_their_mean_is_the_mean() -> None:
    scores = views(5, 4)
    assert_close(view_probabilities(scores).mean(1), combine(scores).softmax(1))


@pytest.mark.parametrize(("dtype", "kept"), [(torch.bfloat16, torch.float32), (torch.float64, torch.float64)])
def test_precision_and_arguments(dtype: torch.dtype, kept: torch.dtype) -> None:
    scores = views(5, 4, dtype=dtype)
    before = [each.clone() for each in scores]
    assert view_probabilities(scores).dtype == kept
    assert view_probabilities(scores, "none").dtype == kept
    assert all(map(torch.equal, scores, before))


def test_no_wait_for_the_device() -> None:
    device = fake_device()
    with FakeTensorMode():
        found = view_probabilities([torch.empty(2, 3, device=device)] * 4)
    assert (found.device.type, tuple(found.shape)) == (device, (2, 4, 3))


def test_an_unknown_activation_is_refused() -> None:
    expected = r"^marginalize\.view_probabilities: activation must be one of none, sigmoid, softmax, got 'tanh'\.$"
    with pytest.raises(ValueError, match=expected):
        view_probabilities(views(5, 4), "tanh")
