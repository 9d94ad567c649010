import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from lightning_regkit.regularizers import add_penalty_gradient_, strengths, weight_penalty
from tests.mixing.support import fake_device

SEEDS = st.integers(0, 2**32 - 1)
STRENGTHS = st.floats(0.01, 2)


def weight_of(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return a weight of which about every third element is exactly 0."""
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return (values * (values.abs() > 0.4)).requires_grad_()


def test_value_of_the_worked_example() -> None:
    weights = [torch.tensor([3.0, -4.0]), torch.tensor([[0.0], [1.0]])]
    assert weight_penalty(weights, l1=0.5).item() == 4.0  # 0.5 (3 + 4 + 0 + 1)
    assert weight_penalty(weights, l2=0.5).item() == 6.5  # 0.25 (9 + 16 + 0 + 1)
    assert weight_penalty(weights, l1=0.5, l2=0.5).item() == 10.5


@given(SEEDS, STRENGTHS, STRENGTHS)
def test_value_is_that_of_a_slow_loop(seed: int, l1: float, l2: float) -> None:
    weights = [weight_of(seed, 3, 2), weight_of(seed + 1, 4)]
    slow = math.fsum(l1 * abs(w) + l2 * w**2 / 2 for weight in weights for w in weight.flatten().tolist())
    assert weight_penalty(weights, l1=l1, l2=l2).item() == pytest.approx(slow)


def test_nothing_costs_nothing() -> None:
    assert weight_penalty([], l1=1.0).item() == 0.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_value_of_low_precision_is_summed_in_float32(dtype: torch.dtype) -> None:
    value = weight_penalty([torch.ones(3001, dtype=dtype)], l1=1.0)
    assert value.dtype == torch.float32
    assert value.item() == 3001.0, "not representable in either"


@given(SEEDS, STRENGTHS, STRENGTHS)
def test_gradient_is_that_of_autograd(seed: int, l1: float, l2: float) -> None:
    ours, theirs = weight_of(seed, 5, 2), weight_of(seed, 5, 2)
    (weight_penalty([theirs], l1=l1, l2=l2) + theirs.sin().sum()).backward()
    ours.sin().sum().backward()
    add_penalty_gradient_([ours], l1=l1, l2=l2)
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert torch.equal(ours.grad[ours == 0], ours[ours == 0].cos()), "sign(0) = 0"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"foreach": True}])
def test_l2_is_the_weight_decay_of_torch_bit_for_bit(options: dict[str, Any], dtype: torch.dtype) -> None:
    ours, theirs = weight_of(0, 4, 3, dtype=dtype), weight_of(0, 4, 3, dtype=dtype)
    by_us = torch.optim.SGD([ours], lr=0.1, **options)
    by_torch = torch.optim.SGD([theirs], lr=0.1, weight_decay=0.03, **options)
    before = ours.detach().clone()
    for _ in range(10):
        for weight in (ours, theirs):
            weight.grad = weight.detach().cos()
        add_penalty_gradient_([ours], l2=0.03)
        by_us.step()
        by_torch.step()
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, before)


def test_the_weight_stays_and_no_graph_is_made() -> None:
    weight = weight_of(0, 3)
    before = weight.detach().clone()
    weight.grad = grad = torch.zeros_like(weight)
    add_penalty_gradient_([weight], l1=0.1)
    assert torch.equal(weight, before)
    assert weight.grad is grad
    assert not grad.requires_grad


def test_a_weight_without_gradient_gets_none() -> None:
    weight = weight_of(0, 3)
    add_penalty_gradient_([weight], l2=0.1)
    assert weight.grad is None


def test_a_sparse_gradient_is_refused() -> None:
    embedding = nn.Embedding(4, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="dense") as caught:
        add_penalty_gradient_(embedding.parameters(), l2=0.1)
    assert str(caught.value) == (
        "regularizers.add_penalty_gradient_: the gradient of a penalized weight must be dense, got torch.sparse_coo. "
        "Make it dense (sparse=False of an embedding), leave this parameter out, or take proximal=True."
    )


def test_on_a_device_nothing_waits_for_it() -> None:
    device = fake_device()
    with FakeTensorMode():
        weight = torch.zeros(4, 3, device=device, requires_grad=True)
        weight.grad = torch.zeros(4, 3, device=device)
        add_penalty_gradient_([weight], l1=0.1, l2=0.1)
        assert weight_penalty([weight], l1=0.1, l2=0.1).device.type == device


def test_elastic_is_that_of_scikit_learn() -> None:
    assert strengths(0.0, 0.0, (0.2, 0.75)) == pytest.approx((0.15, 0.05))
    weight = weight_of(0, 7).detach()
    l1, l2 = strengths(0.0, 0.0, [0.2, 0.75])
    documented = 0.2 * 0.75 * weight.abs().sum() + 0.5 * 0.2 * (1 - 0.75) * weight.norm() ** 2
    torch.testing.assert_close(weight_penalty([weight], l1=l1, l2=l2), documented)
    assert strengths(0.1, 0.2) == (0.1, 0.2)


@pytest.mark.parametrize("function", [weight_penalty, add_penalty_gradient_])
def test_strengths_are_checked_by_every_function(function: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match=rf"^regularizers\.{function.__name__}: l2 must be a number of at least 0"):
        function([], l1=0.1, l2=-0.1)


NUMBER = "must be a number of at least 0, got"
REMEDY = "Both are strengths of a penalty on weights."
AS_IN = "As in scikit-learn, alpha is the whole strength and l1_ratio the part of l1 in it."
NOTHING = "l1 and l2 must not both be 0, got (0.0, 0.0). There would be nothing to do."


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ((-0.1, 0.0), ValueError, f"l1 {NUMBER} -0.1. {REMEDY}"),
        ((0.0, math.nan), ValueError, f"l2 {NUMBER} nan. {REMEDY}"),
        (("0.1", 0.0), TypeError, f"l1 {NUMBER} '0.1'. {REMEDY}"),
        ((0.0, 0.0), ValueError, NOTHING),
        ((0.0, 0.0, (0.0, 0.5)), ValueError, NOTHING),
        (
            (0.1, 0.0, (0.1, 0.5)),
            ValueError,
            "elastic must come without l1 and l2, got (0.1, 0.5). It stands for both.",
        ),
        ((0.0, 0.0, 0.1), TypeError, "elastic must be a pair (alpha, l1_ratio), got 0.1."),
        ((0.0, 0.0, (0.1,)), TypeError, "elastic must be a pair (alpha, l1_ratio), got (0.1,)."),
        ((0.0, 0.0, (-1.0, 0.5)), ValueError, f"alpha of elastic {NUMBER} -1.0. {AS_IN}"),
        ((0.0, 0.0, (1.0, 1.5)), ValueError, f"l1_ratio of elastic must be a number in [0, 1], got 1.5. {AS_IN}"),
    ],
)
def test_refusals(arguments: tuple[Any, ...], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        strengths(*arguments, owner="WeightPenalty")
    assert str(caught.value) == f"WeightPenalty: {text}"


def test_it_can_be_part_of_a_loss() -> None:
    layer = nn.Linear(2, 1).double()
    loss = functional.mse_loss(layer(torch.ones(1, 2).double()), torch.zeros(1, 1).double())
    total = loss + weight_penalty([layer.weight], l1=0.1)
    total.backward()
    assert (total - loss).item() == pytest.approx(0.1 * layer.weight.abs().sum().item())
