"""The gradient of a layer, multiplied by the damped inverse of its Fisher block F = G ⊗ A."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit.optim.kfac._factors import Factors

__all__ = ["Eigenbasis", "decompose", "kl_scale", "precondition"]


@final
@dataclass(frozen=True, eq=False)
class Eigenbasis:
    """Both factors in their own eigenbasis: A = Q_A diag(D_A) Q_Aᵀ, G alike.

    Args:
        Q_A: Eigenvectors of A in columns, (D, D).
        D_A: Eigenvalues of A, (D,), >= 0.
        Q_G: Eigenvectors of G in columns, (O, O).
        D_G: Eigenvalues of G, (O,), >= 0.

    Example:
        >>> decompose(Factors(A=torch.eye(3), G=4 * torch.eye(2))).D_G
        tensor([4., 4.])
    """

    Q_A: Tensor
    D_A: Tensor
    Q_G: Tensor
    D_G: Tensor


def decompose(both: Factors) -> Eigenbasis:
    """Bring both factors into their own eigenbasis.

    Args:
        both: Symmetric positive semi-definite factors; not modified.

    Returns:
        Orthonormal eigenvectors, and eigenvalues in ascending order; those that rounding made negative are 0.

    Raises:
        ValueError: A factor holds NaN or infinity.

    Example:
        >>> decompose(Factors(A=torch.diag(torch.tensor([9.0, 1.0])), G=torch.eye(1))).D_A
        tensor([1., 9.])

    Reference:
        Martens and Grosse 2015, arXiv 1503.05671, appendix B.
    """
    values_a, vectors_a = _eigh(both.A)
    values_g, vectors_g = _eigh(both.G)
    return Eigenbasis(Q_A=vectors_a, D_A=values_a.clamp(min=0), Q_G=vectors_g, D_G=values_g.clamp(min=0))


def precondition(gradient: Tensor, basis: Eigenbasis, *, damping: float) -> Tensor:
    """Return (G ⊗ A + damping I)⁻¹ vec(gradient) as a matrix: Q_G [(Q_Gᵀ gradient Q_A) / (D_G D_Aᵀ + damping)] Q_Aᵀ.

    Args:
        gradient: Of weight and bias side by side, (O, D); not modified.
        basis: Of the layer's factors.
        damping: Added to every eigenvalue of the Kronecker product, > 0.

    Returns:
        A matrix (O, D) whose inner product with ``gradient`` is positive, unless both are 0; for factors of 0 the
        gradient over ``damping``.

    Raises:
        ValueError: ``gradient`` is of another shape than the factors.

    Example:
        >>> basis = decompose(Factors(A=torch.diag(torch.tensor([1.0, 9.0])), G=torch.eye(1)))
        >>> precondition(torch.tensor([[4.0, 20.0]]), basis, damping=1.0)
        tensor([[2., 2.]])

    Reference:
        Martens and Grosse 2015, arXiv 1503.05671, section 6; Grosse and Martens 2016, arXiv 1602.01407.

    Differs from the paper:
        The damping is added to the product, exactly; the papers split it between the factors (section 6.3), which adds
        cross terms but needs no eigenvectors.
    """
    shape = len(basis.D_G), len(basis.D_A)
    if gradient.shape != shape:
        raise ValueError(message("optim.kfac.precondition", "gradient", f"be of shape {shape}", tuple(gradient.shape)))
    inside = basis.Q_G.T @ gradient @ basis.Q_A / (torch.outer(basis.D_G, basis.D_A) + damping)
    return basis.Q_G @ inside @ basis.Q_A.T


def _eigh(factor: Tensor) -> tuple[Tensor, Tensor]:
    try:
        values, vectors = torch.linalg.eigh(factor)
    except RuntimeError as error:  # torch.linalg.LinAlgError, which torch does not export
        if not factor.isfinite().all():
            remedy = "The run has diverged: lower the learning rate, or raise damping."
            got = factor[~factor.isfinite()][0].item()
            raise ValueError(message("optim.kfac.decompose", "factors", "be finite", got, remedy)) from error
        # In single precision LAPACK gives up on some matrices of low rank: the factor of a small first batch is one.
        values, vectors = torch.linalg.eigh(factor.double())
    return values.to(factor.dtype), vectors.to(factor.dtype)


def kl_scale(terms: Iterable[Tensor], kl_clip: float) -> Tensor:
    """Return the factor in (0, 1] that keeps sum_i lr_i² (v_i · grad_i) at or below ``kl_clip``.

    For v = F⁻¹ grad half of the sum is the quadratic model of the Kullback-Leibler divergence between the model's
    distributions before and after a step of SGD.

    Args:
        terms: lr² (v · grad) of every parameter tensor, scalars whose sum is >= 0 but for rounding; at least one.
        kl_clip: Bound, > 0.

    Returns:
        A scalar: 1 within the bound, else sqrt(kl_clip / sum).

    Example:
        >>> kl_scale([torch.tensor(3.0), torch.tensor(1.0)], kl_clip=1.0), kl_scale([torch.tensor(0.5)], kl_clip=1.0)
        (tensor(0.5000), tensor(1.))

    Reference:
        Ba, Grosse and Martens 2017, "Distributed Second-order Optimization using Kronecker-Factored Approximations",
        on step sizes; the bound is without the factor 2, as in gpauloski/kfac-pytorch, so that its values carry over.
    """
    return (kl_clip / torch.stack(list(terms)).sum().clamp(min=0)).sqrt().clamp(max=1)
