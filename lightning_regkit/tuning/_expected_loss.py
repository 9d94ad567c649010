"""The loss of a network that knows nothing yet, by algebra."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final, get_args

from lightning_regkit._checks import finite_float, fraction, message, one_of, positive_int

__all__ = ["LossName", "LossSpec", "Reduction", "expected_loss"]

LossName: TypeAlias = Literal["bce", "cross_entropy"]
Reduction: TypeAlias = Literal["class_sum", "mean", "sum"]

OWNER: Final = "tuning.LossSpec"
SUM_OF_SHARES: Final = 1e-4


@final
@dataclass(frozen=True)
class LossSpec:
    """What a loss of logits is made of.

    Args:
        num_classes: K: at least 2 for cross-entropy, at least 1 for binary cross-entropy.
        name: ``"cross_entropy"``, or ``"bce"`` of each class by itself.
        reduction: ``"mean"`` over images, for ``"bce"`` over classes too; ``"class_sum"``, for ``"bce"``: sum over
            classes, mean over images; ``"sum"`` over everything in a batch.
        label_smoothing: s in [0, 1]: a target y becomes (1 - s) y + s / K.
        bias: Of the output, (K,); None for zeros.
        shares: Mean target of each class, (K,), in [0, 1], before smoothing; None for 1 / K each. Mixing images leaves
            it as it is.

    Raises:
        TypeError: A number is of the wrong kind.
        ValueError: A number is out of range, a word is unknown, or a length is not K.

    Example:
        >>> LossSpec(10).name
        'cross_entropy'
    """

    num_classes: int
    name: LossName = "cross_entropy"
    reduction: Reduction = "mean"
    label_smoothing: float = 0.0
    bias: tuple[float, ...] | None = None
    shares: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        one_of(OWNER, "name", self.name, get_args(LossName))
        one_of(OWNER, "reduction", self.reduction, get_args(Reduction))
        fraction(OWNER, "label_smoothing", self.label_smoothing)
        positive_int(OWNER, "num_classes", self.num_classes)
        is_softmax = self.name == "cross_entropy"
        if is_softmax and self.num_classes == 1:
            remedy = "One output is for 'bce'."
            raise ValueError(message(OWNER, "num_classes", "be at least 2 for cross-entropy", 1, remedy))
        if is_softmax and self.reduction == "class_sum":
            raise ValueError(message(OWNER, "reduction", "be mean or sum for cross-entropy", self.reduction))
        for name, values in (("bias", self.bias), ("shares", self.shares)):
            if values is not None and len(values) != self.num_classes:
                raise ValueError(message(OWNER, name, f"hold {self.num_classes} numbers", values))
        for value in self.bias or ():
            finite_float(OWNER, "bias", value)
        for value in self.shares or ():
            fraction(OWNER, "shares", value)
        if is_softmax and self.shares is not None and abs(sum(self.shares) - 1) > SUM_OF_SHARES:
            raise ValueError(message(OWNER, "shares", "add up to 1 for cross-entropy", self.shares))


def expected_loss(spec: LossSpec, *, batch_size: int = 1, penalty: float = 0.0) -> float:
    r"""Compute the loss while the outputs are the bias b alone, for every image.

    With the mean target t, smoothed to t' = (1 - s) t + s / K:

    .. math::
        \mathrm{CE} = -\sum_c t'_c \log \mathrm{softmax}(b)_c, \qquad
        \mathrm{BCE} = -\frac1K \sum_c \left[t'_c \log σ(b_c) + (1 - t'_c) \log σ(-b_c)\right]

    so without bias CE = log K, whatever smoothing and mixing, and BCE = log 2, or K log 2 summed over classes. A
    network whose outputs vary by s around that has about s² / 2 more (CE) or s² / 8 (BCE).

    Args:
        spec: What the loss is made of.
        batch_size: Images in a batch, for ``"sum"``.
        penalty: On the weights as they are; it adds.

    Returns:
        The loss, in nats.

    Raises:
        TypeError: A number is of the wrong kind.
        ValueError: A number is out of range.

    Example:
        >>> round(expected_loss(LossSpec(10)), 4), round(expected_loss(LossSpec(10, "bce")), 4)
        (2.3026, 0.6931)
        >>> round(expected_loss(LossSpec(10, "bce", "class_sum")), 4)
        6.9315

    Reference:
        Karpathy 2019, "A Recipe for Training Neural Networks", section 2, "verify loss @ init" and "init well".
    """
    positive_int("tuning.expected_loss", "batch_size", batch_size)
    finite_float("tuning.expected_loss", "penalty", penalty)
    bias = spec.bias or (0.0,) * spec.num_classes
    shares = spec.shares or (1 / spec.num_classes,) * spec.num_classes
    smoothing = spec.label_smoothing
    targets = [(1 - smoothing) * share + smoothing / spec.num_classes for share in shares]
    images = batch_size if spec.reduction == "sum" else 1
    if spec.name == "cross_entropy":
        return images * _cross_entropy(bias, targets) + penalty
    classes = spec.num_classes if spec.reduction == "mean" else 1
    return images * _binary(bias, targets) / classes + penalty


def _cross_entropy(bias: Sequence[float], targets: Sequence[float]) -> float:
    top = max(bias)
    total = top + math.log(sum(math.exp(value - top) for value in bias))
    return sum(target * (total - value) for target, value in zip(targets, bias, strict=True))


def _binary(bias: Sequence[float], targets: Sequence[float]) -> float:
    return sum(
        target * _softplus(-value) + (1 - target) * _softplus(value)
        for target, value in zip(targets, bias, strict=True)
    )


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))
