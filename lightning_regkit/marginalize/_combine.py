"""The weighted mean of predictive distributions."""

from collections.abc import Iterable, Sequence

from torch import Tensor

from lightning_regkit.marginalize._averaging import Averaging
from lightning_regkit.marginalize._running import RunningMean
from lightning_regkit.marginalize._weights import weighted

__all__ = ["combine"]


def combine(
    scores: Iterable[Tensor],
    *,
    weights: Sequence[float] | None = None,
    activation: str = "softmax",
    space: str = "probs",
) -> Tensor:
    """Average the scores of several views, members or masks, in the memory of one.

    What comes back is such that the user's own activation recovers the mean: with p_v the distribution of view v and
    sum_v w_v = 1,

        softmax: log sum_v w_v p_v,    sigmoid: log p - log(1 - p) with p = sum_v w_v p_v,    none: sum_v w_v x_v.

    Args:
        scores: What the model returned for every view, any floating dtype, all of one shape: (B, K, ...) for
            ``"softmax"``. Taken one by one, so that a generator needs the memory of one view; not modified.
        weights: A number >= 0 for every view, in any unit; None for equal weights.
        activation: ``"softmax"`` over dimension 1, ``"sigmoid"`` element by element, or ``"none"``.
        space: ``"probs"``, the mean of the distributions; ``"logits"``, the mean of raw scores; ``"log_probs"``, the
            geometric mean of the distributions, normalized.

    Returns:
        A new tensor of the shape of one view, float32, or float64 if a view is. Finite scores give finite values. The
        order of the views does not matter beyond rounding, and means of means, weighted alike, equal the mean of all.
        Made without waiting for the device.

    Raises:
        TypeError: ``scores`` are no floating tensors, or a weight is no number.
        ValueError: ``scores`` is empty, has no class dimension or differing shapes; ``weights`` does not match it; or
            a choice is unknown.

    Example:
        >>> views = [Tensor([[0.9, 0.1]]).log(), Tensor([[0.5, 0.5]]).log()]
        >>> combine(views, weights=[3, 1]).softmax(1)
        tensor([[0.8000, 0.2000]])

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, section 4.1,
        averages the softmax outputs of ten crops; Huang et al., "Snapshot Ensembles", ICLR 2017, section 3, those of M
        snapshots.

    Differs from the paper:
        He et al., "Deep Residual Learning", CVPR 2016, section 3.4, average "the scores" over scales: before or after
        softmax is not said. The default here is after.
    """
    mean = RunningMean(Averaging(activation, space))
    for view, weight in weighted("marginalize.combine", scores, weights):
        mean.add(view, weight)
    return mean.value()
