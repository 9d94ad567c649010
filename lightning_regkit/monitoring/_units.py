"""Units that learn nothing: always zero, or pressed against an end of their range."""

from typing import Final

import torch
from torch import Tensor

from lightning_regkit._checks import fraction, message

__all__ = ["dead_units", "saturated_share"]

_TOKENS_NDIM: Final = 3


def dead_units(outputs: Tensor) -> Tensor:
    """Tell which units of a rectifier gave zero for every example of a batch, so that no gradient passes them.

    Args:
        outputs: Of the rectifier: (B, F); images (B, C, H, W) or volumes, whose units are the channels; or tokens
            (B, T, F), whose units are the features. Not modified.

    Returns:
        Booleans, one for each unit, made without waiting for the device. NaN is not zero.

    Raises:
        ValueError: ``outputs`` has fewer than two dimensions.

    Example:
        >>> dead_units(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]))
        tensor([ True, False, False])
    """
    if outputs.ndim <= 1:
        shape = tuple(outputs.shape)
        raise ValueError(message("monitoring.dead_units", "outputs", "have two dimensions or more", shape))
    axis = outputs.ndim - 1 if outputs.ndim == _TOKENS_NDIM else 1
    others = [dim for dim in range(outputs.ndim) if dim != axis]
    return ~torch.any(outputs.detach() != 0, dim=others)


def saturated_share(outputs: Tensor, low: float, high: float, margin: float = 0.015) -> Tensor:
    """Return the share of outputs of a bounded unit that lie so near an end of its range that its slope is almost 0.

    Args:
        outputs: Of the unit, any shape with at least one entry; not modified.
        low: Lower end of its range, 0 for a sigmoid and -1 for tanh.
        high: Upper end, 1 for both.
        margin: How near, as a share of the range in [0, 0.5]; 0.015 is beyond 0.97 of tanh, whose slope is then < 0.06.

    Returns:
        A scalar in [0, 1], made without waiting for the device.

    Raises:
        TypeError: ``margin`` is no number.
        ValueError: ``margin`` is out of range.

    Example:
        >>> saturated_share(torch.tensor([-0.99, 0.0, 0.5, 0.98]), -1.0, 1.0)
        tensor(0.5000)

    Reference:
        Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", AISTATS 2010,
        section 3: saturation is watched. The margin is ours.
    """
    owner = "monitoring.saturated_share"
    if fraction(owner, "margin", margin) > 0.5:  # noqa: PLR2004  # half of the range
        raise ValueError(message(owner, "margin", "be a share of the range in [0, 0.5]", margin))
    reach = (0.5 - margin) * (high - low)
    return ((outputs.detach() - (low + high) / 2).abs() >= reach).float().mean()
