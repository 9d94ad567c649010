"""Mixing of targets, whatever their kind."""

import torch
from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit.mixing._mixture import Mixture
from lightning_regkit.mixing._parents import INTEGERS
from lightning_regkit.mixing._targets import MixedTarget
from lightning_regkit.mixing._tensors import check_batch, mix_pairs, on_device

__all__ = ["mix_targets"]


def mix_targets(targets: Tensor, draw: Mixture) -> Tensor:
    """Mix every target with its partner's, with the weights the inputs were mixed with.

    Args:
        targets: Class indices (B, ...) of an integer dtype, or values (B, ...) of a floating dtype (regression,
            probabilities, several labels); not modified.
        draw: The draw the inputs were mixed with, of any kind that pairs examples.

    Returns:
        For integers a :class:`MixedTarget` of two labels, or of 2M for a target that already was a mixture of M. For
        floating targets lam t_i + (1 - lam) t_partner(i), of the same dtype and shape.

    Raises:
        TypeError: ``targets`` is no tensor, or neither of an integer nor of a floating dtype.
        ValueError: ``targets`` is of another batch size than the draw.

    Example:
        >>> import numpy as np
        >>> from lightning_regkit.mixing import MixupDraw
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
    if isinstance(targets, MixedTarget):
        return _mix_labels(targets.labels, targets.weights, draw, targets)
    if targets.is_floating_point():
        return mix_pairs(targets, draw.lam, draw.partner)
    if targets.dtype not in INTEGERS:
        remedy = "Use targets.float() for binary cross-entropy, targets.long() for class indices."
        condition = "be of an integer or floating dtype"
        raise TypeError(message("mixing.mix_targets", "targets", condition, targets.dtype, remedy))
    return _mix_labels(targets[None], torch.ones(1, len(targets), device=targets.device), draw)


def _mix_labels(labels: Tensor, weights: Tensor, draw: Mixture, remixed: MixedTarget | None = None) -> MixedTarget:
    partner = on_device(draw.partner, labels.device)
    lam = on_device(draw.lam, labels.device)
    mixed = torch.cat([lam * weights, (1 - lam) * weights[:, partner]])  # (2M, B)
    return MixedTarget(torch.cat([labels, labels[:, partner]]), mixed, remixed)
