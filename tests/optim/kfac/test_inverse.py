"""The preconditioned gradient against the dense inverse of the Fisher block."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lightning_regkit.optim.kfac._factors import Factors, factors
from lightning_regkit.optim.kfac._inverse import Eigenbasis, decompose, kl_scale, precondition
from tests.optim.kfac.test_factors import example_gradients, recorded
from tests.optim.kfac.test_layers import noise


def semidefinite(size: int, rank: int, seed: int) -> Tensor:
    root = noise(size, rank, seed=seed)
    return root @ root.T


def dense(both: Factors, gradient: Tensor, damping: float) -> Tensor:
    fisher = torch.kron(both.G, both.A)
    damped = fisher + damping * torch.eye(len(fisher), dtype=torch.float64)
    return torch.linalg.solve(damped, gradient.flatten()).reshape(gradient.shape)


@pytest.mark.parametrize("damping", [1e-3, 1.0])
@pytest.mark.parametrize("bias", [True, False])
def test_one_example_is_solved_with_its_dense_fisher(bias: bool, damping: float) -> None:
    layer = nn.Linear(4, 3, bias=bias).double()
    inputs, labels = noise(1, 4), torch.tensor([1])
    (each,) = example_gradients(layer, inputs, labels)
    fisher = torch.outer(each, each) + damping * torch.eye(len(each), dtype=torch.float64)
    ours = precondition(each.reshape(3, -1), decompose(factors(recorded(layer, inputs, labels))), damping=damping)
    torch.testing.assert_close(ours.flatten(), torch.linalg.solve(fisher, each))


@given(st.integers(1, 5), st.integers(1, 4), st.sampled_from([1e-2, 1.0, 50.0]), st.integers(0, 99))
def test_the_inverse_is_that_of_the_damped_kronecker_product(
    inputs: int, outputs: int, damping: float, seed: int
) -> None:
    both = Factors(A=semidefinite(inputs, inputs, seed), G=semidefinite(outputs, max(1, outputs - 1), seed + 1))
    gradient = noise(outputs, inputs, seed=seed + 2)
    before = gradient.clone()
    ours = precondition(gradient, decompose(both), damping=damping)
    torch.testing.assert_close(ours, dense(both, gradient, damping), rtol=1e-7, atol=1e-9)
    assert (ours * gradient).sum() > 0
    assert torch.equal(gradient, before)


def test_a_batch_is_solved_with_the_kronecker_product() -> None:
    layer = nn.Linear(4, 3).double()
    inputs, labels = noise(6, 4), torch.arange(6) % 3
    both = factors(recorded(layer, inputs, labels))
    gradient = example_gradients(layer, inputs, labels).mean(0).reshape(3, 5)
    torch.testing.assert_close(
        precondition(gradient, decompose(both), damping=0.1), dense(both, gradient, 0.1), rtol=1e-9, atol=1e-12
    )


def test_by_hand() -> None:
    both = Factors(A=torch.diag(torch.tensor([1.0, 4.0])), G=torch.diag(torch.tensor([2.0, 0.0])))
    ours = precondition(torch.tensor([[3.0, 9.0], [1.0, 2.0]]), decompose(both), damping=1.0)
    torch.testing.assert_close(ours, torch.tensor([[1.0, 1.0], [1.0, 2.0]]))


def test_eigenvalues_are_not_negative_and_give_the_factors_back() -> None:
    both = Factors(A=semidefinite(6, 2, 0).float(), G=semidefinite(5, 1, 1).float())
    basis = decompose(both)
    assert basis.D_A.min() >= 0
    assert basis.D_G.min() >= 0
    torch.testing.assert_close(basis.Q_A @ torch.diag(basis.D_A) @ basis.Q_A.T, both.A, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(basis.Q_G @ torch.diag(basis.D_G) @ basis.Q_G.T, both.G, rtol=1e-4, atol=1e-5)
    below = decompose(Factors(A=-torch.eye(2), G=-torch.eye(1)))
    assert below.D_A.tolist() == [0.0, 0.0]
    assert below.D_G.tolist() == [0.0]


def test_what_single_precision_cannot_decompose_is_decomposed_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = noise(4, 12).float()
    both = Factors(A=rows.T @ rows, G=torch.eye(2))
    whole, expected = torch.linalg.eigh, decompose(both)

    def gives_up(matrix: Tensor) -> tuple[Tensor, Tensor]:
        if matrix.dtype == torch.float32:
            raise RuntimeError("failed to converge")
        return whole(matrix)

    monkeypatch.setattr(torch.linalg, "eigh", gives_up)
    basis = decompose(both)
    torch.testing.assert_close(basis.D_A, expected.D_A)
    torch.testing.assert_close(basis.Q_A @ torch.diag(basis.D_A) @ basis.Q_A.T, both.A)
    assert basis.Q_A.dtype == torch.float32


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite") as refused:
        decompose(Factors(A=torch.full((3, 3), value), G=torch.eye(2)))
    assert str(refused.value) == (
        f"optim.kfac.decompose: factors must be finite, got {value}. The run has diverged: lower the learning rate, or "
        "raise damping."
    )


def test_another_shape_is_refused() -> None:
    basis = Eigenbasis(Q_A=torch.eye(3), D_A=torch.ones(3), Q_G=torch.eye(2), D_G=torch.ones(2))
    with pytest.raises(ValueError, match="shape") as caught:
        precondition(torch.ones(3, 2), basis, damping=1.0)
    assert str(caught.value) == "optim.kfac.precondition: gradient must be of shape (2, 3), got (3, 2)."


@pytest.mark.parametrize(
    ("terms", "scale"), [([1.0, 3.0], 0.5), ([0.25], 1.0), ([0.0], 1.0), ([100.0], 0.1), ([-1e-9], 1.0)]
)
def test_long_steps_are_shortened(terms: list[float], scale: float) -> None:
    assert kl_scale([torch.tensor(term) for term in terms], kl_clip=1.0).item() == pytest.approx(scale)
    assert kl_scale([4 * torch.tensor(term) for term in terms], kl_clip=4.0).item() == pytest.approx(scale)
