"""The members' logits as distributions."""

import torch
from torch import Tensor

from lightning_regkit._checks import message

__all__ = ["log_probabilities", "mean_log_probabilities"]

NDIM = 3


def log_probabilities(owner: str, logits: object) -> Tensor:
    """Return log softmax of every member's logits (M, B, K), in float32 or better; refuse anything else."""
    if not isinstance(logits, Tensor):
        raise TypeError(message(owner, "logits", "be a floating point tensor", type(logits).__name__))
    if not logits.is_floating_point():
        raise TypeError(message(owner, "logits", "be a floating point tensor", logits.dtype))
    if logits.ndim != NDIM or not len(logits):
        raise ValueError(message(owner, "logits", "be of shape (M, B, K), M >= 1", tuple(logits.shape)))
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)


def mean_log_probabilities(log_probs: Tensor) -> Tensor:
    """Return the logarithm of the mean distribution of the last m members, for m = 1 ... M.

    Args:
        log_probs: Of each member (M, B, K), the oldest first.

    Returns:
        New tensor (M, B, K); row m - 1 is of the last m.

    Example:
        >>> members = torch.tensor([[[1.0, 0.0]], [[0.5, 0.5]]]).log()
        >>> mean_log_probabilities(members).exp()[:, 0]
        tensor([[0.5000, 0.5000],
                [0.7500, 0.2500]])
    """
    counts = torch.arange(1, len(log_probs) + 1, device=log_probs.device, dtype=log_probs.dtype)  # (M,)
    return torch.logcumsumexp(log_probs.flip(0), dim=0) - counts.log()[:, None, None]
