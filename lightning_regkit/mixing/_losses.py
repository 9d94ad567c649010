"""Cross-entropy of examples that have several labels, each with a weight."""

from dataclasses import dataclass
from typing import final

from torch import Tensor
from torch.nn import functional as F

from lightning_regkit._checks import one_of
from lightning_regkit.mixing._mixed_loss import mixed_loss
from lightning_regkit.mixing._parents import Parents
from lightning_regkit.mixing._registry import LOSSES

__all__ = ["CrossEntropyOptions", "mixed_cross_entropy"]


@final
@dataclass(frozen=True, eq=False)
class CrossEntropyOptions:
    """The options of ``torch.nn.functional.cross_entropy``, with its names and defaults.

    Args:
        weight: Weight of every class (K,), or None for 1.
        ignore_index: Label that adds nothing to the loss and its gradient.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: Share of the label that is spread over all classes, in [0, 1].

    Raises:
        ValueError: ``reduction`` is not one of the three.

    Example:
        >>> CrossEntropyOptions(label_smoothing=0.1).reduction
        'mean'
    """

    weight: Tensor | None = None
    ignore_index: int = -100
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        one_of("cross_entropy", "reduction", self.reduction, ("mean", "none", "sum"))


def mixed_cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor, options: CrossEntropyOptions | None = None
) -> Tensor:
    """Mix the hard-label cross-entropies of M labels, example by example, then reduce as for hard labels.

    With l_mi torch's unreduced loss of label m at element i, and v_mi the class weight of that label (0 where ignored),

        L_i = sum_m w_mi l_mi,    "sum" = sum_i L_i,    "mean" = sum_i L_i / sum_i sum_m w_mi v_mi.

    Args:
        logits: Scores (B, K, d1, ...), any floating dtype.
        labels: Class indices (M, B, d1, ...), M >= 1.
        weights: Weight of every label of an example (M, B), summing to 1 over M.
        options: Class weights, ignored index, reduction, smoothing; None for torch's defaults.

    Returns:
        A scalar, or (B, d1, ...) for ``"none"``, of the dtype torch gives for hard labels. With all weight on one label
        it equals torch's hard-label loss, values and gradients. A label of weight 0 adds nothing, not even infinity.

    Raises:
        Whatever torch raises for hard labels of that kind, shape or range.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.0, 0.0]])
        >>> labels, weights = torch.tensor([[0], [1]]), torch.tensor([[0.75], [0.25]])
        >>> round(mixed_cross_entropy(logits, labels, weights).item(), 4)  # log 2
        0.6931

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, section 2. The authors' code computes the
        loss in this form.

    Differs from the paper:
        It says nothing of class weights and ignored labels. torch's own loss of mixed probabilities divides "mean" by
        the number of elements even with class weights, and knows no ignored label; here both keep their hard-label
        meaning.
    """
    loss = LOSSES[F.cross_entropy]
    call = loss.bind((logits, labels), vars(options or CrossEntropyOptions()))
    return mixed_loss(loss, call, Parents(labels, weights))
