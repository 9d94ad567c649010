"""How often members answer differently."""

import torch
from torch import Tensor

from lightning_regkit.ensemble._scores import log_probabilities

__all__ = ["differing_pairs", "disagreement"]


def disagreement(logits: Tensor) -> Tensor:
    """Return the share of pairs of members whose predicted classes differ, averaged over samples.

    Args:
        logits: Of each member (M, B, K), any floating dtype; not modified.

    Returns:
        A scalar tensor in [0, 1]; 0 for a single member. Made without waiting for the device.

    Raises:
        TypeError: ``logits`` is no floating tensor.
        ValueError: It is not of shape (M, B, K), M >= 1.

    Example:
        >>> members = torch.tensor([[[2.0, 1.0]], [[2.0, 1.0]], [[1.0, 2.0]]])
        >>> disagreement(members)
        tensor(0.6667)

    Reference:
        Fort et al., "Deep Ensembles: A Loss Landscape Perspective", 2019, section 4.
    """
    log_probs = log_probabilities("ensemble.disagreement", logits)
    return differing_pairs(log_probs.argmax(dim=-1))[-1].float() / max(log_probs.shape[1], 1)


def differing_pairs(classes: Tensor) -> Tensor:
    """Sum over samples the share of pairs among the last m = 1 ... M members whose classes differ.

    Args:
        classes: Predicted by each member (M, B), the oldest first.

    Returns:
        Sums (M,), float64, in [0, B]; the first is 0.

    Example:
        >>> differing_pairs(torch.tensor([[0, 0], [1, 0]])).tolist()
        [0.0, 1.0]
    """
    newest = classes.flip(0)
    differs = (newest[:, None] != newest[None]).sum(dim=-1).double().tril(-1)  # (M, M)
    count = torch.arange(len(newest), device=newest.device, dtype=torch.float64)
    return differs.sum(dim=1).cumsum(0) / (count * (count + 1) / 2).clamp(min=1)
