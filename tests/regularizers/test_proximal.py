from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from lightning_regkit.regularizers import proximal_step_, weight_penalty
from tests.mixing.support import fake_device
from tests.regularizers.test_penalty import SEEDS, STRENGTHS, weight_of

LENGTHS = st.floats(0.01, 2)


def regression(samples: int = 40, features: int = 8) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return a least-squares problem of which three features matter."""
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((samples, features))
    return inputs, inputs[:, :3] @ np.array([2.0, -1.0, 0.5]) + 0.1 * generator.standard_normal(samples)


def test_worked_example() -> None:
    weight = torch.tensor([3.0, -3.0, 0.5, -0.5, 1.0, 0.0])
    proximal_step_([weight], 0.5, l1=2.0)
    assert weight.tolist() == [2.0, -2.0, 0.0, 0.0, 0.0, 0.0]
    proximal_step_([weight], 0.5, l2=2.0)
    assert weight.tolist() == [1.0, -1.0, 0.0, 0.0, 0.0, 0.0]
    weight = torch.tensor([3.0])
    proximal_step_([weight], 0.5, l1=2.0, l2=2.0)
    assert weight.tolist() == [1.0], "threshold first, then shrink"


@given(SEEDS, LENGTHS, STRENGTHS)
def test_l1_is_the_soft_shrinkage_of_torch(seed: int, length: float, l1: float) -> None:
    weight = weight_of(seed, 4, 3).detach()
    expected = functional.softshrink(weight, length * l1)
    proximal_step_([weight], length, l1=l1)
    assert torch.equal(weight, expected)


@given(SEEDS, LENGTHS, STRENGTHS, STRENGTHS)
def test_the_result_is_the_minimum_it_is_defined_by(seed: int, length: float, l1: float, l2: float) -> None:
    before = weight_of(seed, 5).detach()
    after = before.clone()
    proximal_step_([after], length, l1=l1, l2=l2)

    def objective(weight: Tensor) -> float:
        return (weight_penalty([weight], l1=l1, l2=l2) + (weight - before).square().sum() / (2 * length)).item()

    for index in range(5):
        for change in (-1e-3, 1e-3):
            other = after.clone()
            other[index] += change
            assert objective(after) < objective(other)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"l1": 0.3}, Lasso(alpha=0.3, fit_intercept=False, tol=1e-12, max_iter=100_000)),
        (
            {"l1": 0.3 * 0.8, "l2": 0.3 * 0.2},
            ElasticNet(alpha=0.3, l1_ratio=0.8, fit_intercept=False, tol=1e-12, max_iter=100_000),
        ),
    ],
    ids=["lasso", "elastic net"],
)
def test_proximal_gradient_reaches_the_solution_of_scikit_learn(ours: dict[str, float], theirs: Any) -> None:
    inputs, targets = regression()
    solution = torch.from_numpy(theirs.fit(inputs, targets).coef_)
    x, y, length = torch.from_numpy(inputs), torch.from_numpy(targets), 0.3
    weight = torch.ones(x.shape[1], dtype=torch.float64)
    for _ in range(500):
        weight -= length * x.T @ (x @ weight - y) / len(x)
        proximal_step_([weight], length, **ours)
    assert torch.equal(weight == 0, solution == 0)
    assert 0 < int((weight == 0).sum()) < len(weight)
    torch.testing.assert_close(weight, solution, atol=1e-8, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("length", [0.5, torch.tensor(0.5)], ids=["number", "tensor"])
def test_dtype_and_memory_are_kept(dtype: torch.dtype, length: float | Tensor) -> None:
    weight = torch.tensor([1.0, -1.0, 0.25], dtype=dtype, requires_grad=True)
    memory = weight.data_ptr()
    proximal_step_([weight], length, l1=1.0, l2=2.0)
    assert weight.tolist() == [0.25, -0.25, 0.0]
    assert (weight.dtype, weight.data_ptr(), weight.is_leaf) == (dtype, memory, True)
    assert not isinstance(length, Tensor) or length.item() == 0.5


def test_the_smallest_sizes_and_the_longest_way() -> None:
    empty, scalar = torch.zeros(0), torch.tensor(-2.0)
    proximal_step_([empty, scalar], 0.0, l1=1.0, l2=1.0)
    assert scalar.item() == -2.0, "a step of length 0 changes nothing"
    broken = torch.tensor([torch.nan, torch.inf])
    proximal_step_([broken], 1.0, l1=1.0)
    assert broken.isnan().tolist() == [True, False], "what diverged is not hidden"


@pytest.mark.parametrize("on_device", [False, True], ids=["rate on the CPU", "rate on the device"])
def test_on_a_device_nothing_waits_for_it(on_device: bool) -> None:
    device = fake_device()
    with FakeTensorMode():
        weight = torch.zeros(4, 3, device=device, requires_grad=True)
        proximal_step_([weight], 0.1, l1=0.1, l2=0.1)
        proximal_step_([weight], torch.full((), 0.1, device=device if on_device else "cpu"), l1=0.1, l2=0.1)


@pytest.mark.parametrize("length", [-0.1, float("inf"), float("nan")])
def test_a_length_that_is_none_is_refused(length: float) -> None:
    with pytest.raises(ValueError, match="length") as caught:
        proximal_step_([], length, l1=0.1)
    assert str(caught.value) == f"regularizers.proximal_step_: length must be a number of at least 0, got {length}."
    with pytest.raises(ValueError, match=r"^regularizers\.proximal_step_: l1 and l2 must not both be 0"):
        proximal_step_([], 0.1)
