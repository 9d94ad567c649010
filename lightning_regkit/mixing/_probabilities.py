"""Mixed labels as plain probabilities."""

from torch import Tensor
from torch.nn import functional as F

from lightning_regkit._checks import fraction, message, positive_int
from lightning_regkit.mixing._parents import INTEGERS, spread
from lightning_regkit.mixing._targets import MixedTarget

__all__ = ["effective_smoothing", "to_probabilities"]


def to_probabilities(targets: Tensor, num_classes: int, label_smoothing: float = 0.0) -> Tensor:
    """Give every example the probabilities of its labels: (1 - s) sum_m w_m onehot(y_m) + s / K.

    Args:
        targets: A :class:`MixedTarget`, or class indices (B, ...) of an integer dtype; not modified.
        num_classes: K, >= 1.
        label_smoothing: s, the share of the label that is spread over all classes, in [0, 1].

    Returns:
        A plain tensor (B, K, ...), float32, that sums to 1 over K. Made without waiting for the device.

    Raises:
        TypeError: ``targets`` is not of an integer dtype.
        ValueError: ``num_classes`` is below 1, or ``label_smoothing`` outside [0, 1].
        RuntimeError: A label is not in [0, K); on other devices than the CPU torch reports it later.

    Example:
        >>> import torch
        >>> to_probabilities(MixedTarget(torch.tensor([[0], [1]]), torch.tensor([[0.75], [0.25]])), 3)
        tensor([[0.7500, 0.2500, 0.0000]])
        >>> to_probabilities(torch.tensor([0]), 4, label_smoothing=0.1)
        tensor([[0.9250, 0.0250, 0.0250, 0.0250]])

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, section 7.
    """
    owner = "mixing.to_probabilities"
    positive_int(owner, "num_classes", num_classes)
    fraction(owner, "label_smoothing", label_smoothing)
    if targets.dtype not in INTEGERS:
        remedy = "Floating targets are probabilities already."
        raise TypeError(message(owner, "targets", "be of an integer dtype", targets.dtype, remedy))
    if isinstance(targets, MixedTarget):
        coded = F.one_hot(targets.labels.long(), num_classes)  # (M, B, ..., K)
        probs = (spread(targets.weights, coded) * coded).sum(0)
    else:
        probs = F.one_hot(targets.long(), num_classes).float()
    return (probs * (1 - label_smoothing) + label_smoothing / num_classes).movedim(-1, 1)


def effective_smoothing(first: float, second: float) -> float:
    """Label smoothing that two smoothings, one after the other, amount to: 1 - (1 - a)(1 - b).

    Args:
        first: a, the share of the label that is spread over all classes, in [0, 1].
        second: b, the same for what the first left.

    Returns:
        The share in [0, 1], at least the larger of the two.

    Raises:
        TypeError: An argument is no number.
        ValueError: It is outside [0, 1].

    Example:
        >>> round(effective_smoothing(0.1, 0.1), 4)
        0.19
    """
    owner = "mixing.effective_smoothing"
    return 1 - (1 - fraction(owner, "first", first)) * (1 - fraction(owner, "second", second))
