"""The climb of sharpness-aware minimization."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

__all__ = ["ascent"]


def ascent(gradients: Sequence[Tensor], rho: float) -> list[Tensor]:
    """Return e = rho g / ||g||, the norm over all gradients together; zeros where that norm is zero. Never waits."""
    # Older releases of torch have no norm of sparse tensors.
    norm = get_total_norm([each.coalesce().values() if each.is_sparse else each for each in gradients])
    scale = torch.where(norm > 0, rho / norm, torch.zeros_like(norm))
    return [gradient * scale.to(gradient.device, gradient.dtype) for gradient in gradients]
