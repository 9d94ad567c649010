"""Lengths of gradients and of steps, in units of the weights."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

__all__ = ["global_norm", "update_ratios"]


def global_norm(tensors: Iterable[Tensor]) -> Tensor | None:
    """Return sqrt(sum x^2) over all entries of all tensors.

    Args:
        tensors: Of any shapes and floating dtypes, dense or sparse; not modified.

    Returns:
        A scalar of at least single precision on the device of the first tensor, made without waiting for the device;
        None without a tensor.

    Example:
        >>> global_norm([torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])])
        tensor(5.)
    """
    norms = [_norm(tensor) for tensor in tensors]
    return _norm(torch.stack([norm.to(norms[0]) for norm in norms])) if norms else None


def update_ratios(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """Return norm(after - before) / norm(before): how far a step has moved each weight, in units of its own length.

    About 1e-3 is what one hopes to see; much more says that the rate is too high, much less that it is too low.

    Args:
        before: Weights before the step, N >= 1; not modified.
        after: The same weights after it; not modified.

    Returns:
        (N + 1,): of each weight, then of all together. Infinite where a weight was all zeros and has moved, 0 where it
        has not moved. Made without waiting for the device.

    Example:
        >>> update_ratios([torch.tensor([3.0, 4.0]), torch.zeros(1)], [torch.tensor([3.0, 4.5]), torch.zeros(1)])
        tensor([0.1000, 0.0000, 0.1000])

    Reference:
        Karpathy et al., "CS231n: Deep Learning for Computer Vision", notes "Neural Networks Part 3", section "Ratio of
        weights:updates".
    """
    moved = [_norm(new.detach() - old.detach()) for old, new in zip(before, after, strict=True)]
    weights = [_norm(old) for old in before]
    first = weights[0]
    updates, lengths = (torch.stack([norm.to(first) for norm in norms]) for norms in (moved, weights))
    updates, lengths = (torch.cat([norms, _norm(norms)[None]]) for norms in (updates, lengths))
    return torch.where(updates == 0, torch.zeros_like(updates), updates / lengths)


def _norm(tensor: Tensor) -> Tensor:
    values = tensor.detach()
    if values.is_sparse:
        values = values.coalesce().values()
    norm: Tensor = torch.linalg.vector_norm(values, dtype=torch.promote_types(values.dtype, torch.float32))
    return norm
