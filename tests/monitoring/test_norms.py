import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.monitoring import global_norm, update_ratios
from tests.mixing.support import fake_device

SEEDS = st.integers(0, 2**32 - 1)


def tensors(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((2, 3), (4,), (), (1, 2, 2))]


@given(seed=SEEDS)
def test_the_norm_is_that_of_all_entries_in_one_row(seed: int) -> None:
    found = tensors(seed)
    norm = global_norm(found)
    assert norm is not None
    assert norm.item() == pytest.approx(float(np.linalg.norm(np.concatenate([each.numpy().ravel() for each in found]))))


def test_it_is_what_torch_clips_by() -> None:
    parameters = [nn.Parameter(each) for each in tensors(0)]
    for parameter in parameters:
        parameter.grad = parameter.detach() * 3
    norm = global_norm(parameter.grad for parameter in parameters if parameter.grad is not None)
    assert norm is not None
    assert norm.item() == pytest.approx(nn.utils.clip_grad_norm_(parameters, 1.0).item())


def test_without_a_tensor_there_is_no_norm() -> None:
    assert global_norm([]) is None


def test_half_precision_does_not_overflow() -> None:
    norm = global_norm([torch.full((4,), 60000.0, dtype=torch.float16)])
    assert norm is not None
    assert norm.item() == pytest.approx(120000.0, rel=1e-3)  # 60000 is 59968 in half precision


def test_sparse_gradients_count_repeated_rows_once() -> None:
    layer = nn.Embedding(5, 2, sparse=True)
    layer(torch.tensor([1, 1, 3])).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.is_sparse
    norm = global_norm([layer.weight.grad])
    assert norm is not None
    assert norm.item() == pytest.approx(layer.weight.grad.to_dense().norm().item())


@given(seed=SEEDS, rate=st.floats(1e-4, 1.0))
def test_the_ratio_is_that_of_the_lecture(seed: int, rate: float) -> None:
    """Which works out the update of plain SGD first, and then the two norms."""
    weights, gradients = tensors(seed), tensors((seed + 1) % 2**32)
    updates = [-rate * gradient for gradient in gradients]
    ratios = update_ratios(weights, [weight + update for weight, update in zip(weights, updates, strict=True)])
    expected = [
        np.linalg.norm(update.numpy().ravel()) / np.linalg.norm(weight.numpy().ravel())
        for weight, update in zip(weights, updates, strict=True)
    ]
    flat = [np.concatenate([each.numpy().ravel() for each in both]) for both in (updates, weights)]
    expected.append(np.linalg.norm(flat[0]) / np.linalg.norm(flat[1]))
    np.testing.assert_allclose(ratios.numpy(), expected, rtol=1e-6)


def test_a_weight_that_was_zero_and_moved_is_infinitely_far() -> None:
    ratios = update_ratios([torch.zeros(2), torch.ones(1)], [torch.ones(2), torch.ones(1)])
    assert ratios.tolist() == [float("inf"), 0.0, pytest.approx(2**0.5)]


def test_what_did_not_move_has_a_ratio_of_zero_whatever_it_was() -> None:
    assert update_ratios([torch.zeros(2), torch.ones(1)], [torch.zeros(2), torch.ones(1)]).tolist() == [0.0, 0.0, 0.0]


def test_weights_that_are_no_number_show() -> None:
    assert update_ratios([torch.ones(1)], [torch.tensor([float("nan")])]).isnan().all()


def test_nothing_is_modified_and_no_graph_is_kept() -> None:
    before, after = torch.ones(2, requires_grad=True), torch.full((2,), 2.0, requires_grad=True)
    norm = global_norm([before])
    assert norm is not None
    assert not norm.requires_grad
    assert not update_ratios([before], [after]).requires_grad
    assert (before.tolist(), after.tolist()) == ([1, 1], [2, 2])


def test_on_a_device_nothing_waits_for_it() -> None:
    device = fake_device()
    with FakeTensorMode():
        weights = [torch.zeros(4, 3, device=device), torch.zeros(2, device=device, dtype=torch.bfloat16)]
        norm = global_norm(weights)
        assert norm is not None
        assert norm.device.type == device
        assert update_ratios(weights, weights).shape == (3,)
