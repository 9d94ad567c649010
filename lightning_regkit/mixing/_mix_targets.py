"""Mixing of targets, whatever their kind."""

import torch
from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit.mixing._mixup import MixupDraw
from lightning_regkit.mixing._parents import INTEGERS
from lightning_regkit.mixing._targets import MixedTarget
from lightning_regkit.mixing._tensors import check_batch, mix_pairs, on_device

__all__ = ["mix_targets"]


def mix_targets(targets: Tensor, draw: MixupDraw) -> Tensor:
    """Mix every target with its partner's, with the weights the inputs were mixed with.

    Args:
        targets: Class indices (B, ...) of an integer dtype, or values (B, ...) of a floating dtype (regression,
            probabilities, several labels); not modified.
        draw: The draw the inputs were mixed with.

    Returns:
        For integers a :class:`MixedTarget` of two labels, or of 2M for a target that already was a mixture of M. For
        floating targets lam t_i + (1 - lam) t_partner(i), of the same dtype and shape.

    Raises:
        TypeError: ``targets`` is no tensor, or neither of an integer nor of a floating dtype.
        ValueError: ``targets`` is of another batch size than the draw.

    Example:
        >>> import numpy as np
        >>> draw = MixupDraw(lam=np.array([0.75, 0.75], dtype=np.float32), partner=np.array([1, 0]))
        >>> mix_targets(torch.tensor([0.0, 4.0]), draw)
        tensor([1., 3.])
        >>> mix_targets(torch.tensor([7, 9]), draw).labels
        tensor([[7, 9],
                [9, 7]])

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, equation 1.
    """
    check_batch("mixing.mix_targets", "targets", targets, draw.batch_size)
    if targets.is_floating_point():
        return mix_pairs(targets, draw.lam, draw.partner)
    if targets.dtype not in INTEGERS:
        remedy = "Use targets.float() for binary cross-entropy, targets.long() for class indices."
        condition = "be of an integer or floating dtype"
        raise TypeError(message("mixing.mix_targets", "targets", condition, targets.dtype, remedy))
    return _mix_labels(targets, draw)


def _mix_labels(targets: Tensor, draw: MixupDraw) -> MixedTarget:
    partner = on_device(draw.partner, targets.device)
    lam = on_device(draw.lam, targets.device)
    remixed = targets if isinstance(targets, MixedTarget) else None
    labels = targets[None] if remixed is None else remixed.labels  # (M, B, ...)
    weights = torch.ones_like(lam)[None] if remixed is None else remixed.weights  # (M, B)
    return MixedTarget(
        torch.cat([labels, labels[:, partner]]), torch.cat([lam * weights, (1 - lam) * weights[:, partner]]), remixed
    )
