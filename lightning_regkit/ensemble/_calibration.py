"""Whether a prediction made with confidence c is right in a share c of cases."""

import torch
from torch import Tensor

from lightning_regkit._checks import message, positive_int

__all__ = ["NUM_BINS", "bin_sums", "calibration_error", "error_of_bins"]

NUM_BINS = 15


def calibration_error(logits: Tensor, targets: Tensor, num_bins: int = NUM_BINS) -> Tensor:
    """Return ECE = sum_b (n_b / n) abs(accuracy_b - confidence_b) over bins of equal width of the confidence max p.

    Args:
        logits: Scores (B, K) whose softmax is p, any floating dtype; not modified.
        targets: Classes (B,), integers.
        num_bins: Bins of (0, 1], >= 1, each closed at its upper end.

    Returns:
        A scalar tensor in [0, 1]; 0 for an empty batch.

    Raises:
        TypeError: ``num_bins`` is no integer.
        ValueError: Shapes do not go together, or ``num_bins`` is below 1.

    Example:
        >>> logits = torch.tensor([[0.8, 0.2], [0.8, 0.2]]).log()
        >>> calibration_error(logits, torch.tensor([0, 1]))
        tensor(0.3000)

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
    """
    positive_int("ensemble.calibration_error", "num_bins", num_bins)
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:  # noqa: PLR2004  # (B, K)
        shapes = tuple(logits.shape), tuple(targets.shape)
        raise ValueError(message("ensemble.calibration_error", "logits and targets", "be (B, K) and (B,)", shapes))
    probs = logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(dim=-1)
    confidences, classes = probs.max(dim=-1)
    return error_of_bins(bin_sums(confidences[None], (classes == targets)[None], num_bins))[0].to(probs.dtype)


def bin_sums(confidences: Tensor, is_right: Tensor, num_bins: int = NUM_BINS) -> Tensor:
    """Sum, for each of several predictors and in each bin, samples, confidences and right answers.

    Args:
        confidences: In [0, 1] (M, B).
        is_right: Booleans (M, B).
        num_bins: As for ``calibration_error``.

    Returns:
        Sums (M, 3, num_bins), float64, that may be added over batches.

    Example:
        >>> bin_sums(torch.tensor([[0.8, 0.4]]), torch.tensor([[True, False]]), num_bins=2).tolist()
        [[[1.0, 1.0], [0.4..., 0.8...], [0.0, 1.0]]]
    """
    upper = torch.linspace(0, 1, num_bins + 1, device=confidences.device, dtype=confidences.dtype)[1:]
    index = torch.bucketize(confidences, upper).clamp(max=num_bins - 1)  # rounding may go beyond 1
    values = torch.stack([torch.ones_like(confidences), confidences, is_right.to(confidences.dtype)], dim=1).double()
    sums = torch.zeros(*values.shape[:2], num_bins, device=values.device, dtype=torch.float64)
    return sums.scatter_add_(-1, index[:, None].expand_as(values), values)


def error_of_bins(sums: Tensor) -> Tensor:
    """Return the calibration error (M,) of what ``bin_sums`` has added up (M, 3, num_bins).

    Example:
        >>> error_of_bins(torch.tensor([[[2.0], [1.6], [1.0]]]))
        tensor([0.3000])
    """
    count, confidence, right = sums.unbind(1)
    return (right - confidence).abs().sum(dim=-1) / count.sum(dim=-1).clamp(min=1)
