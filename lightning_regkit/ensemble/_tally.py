"""What the last m members of an ensemble achieve together, for every m, in one pass over the data."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit.ensemble._calibration import NUM_BINS, bin_sums, error_of_bins
from lightning_regkit.ensemble._curve import CurveRow
from lightning_regkit.ensemble._diversity import differing_pairs
from lightning_regkit.ensemble._scores import log_probabilities, mean_log_probabilities

__all__ = ["Tally", "tally"]

OWNER = "ensemble.tally"
_REMEDY = "A curve is of classes: pass curve=False, and readout=Readout(activation=...) of what the scores are."


@final
@dataclass(frozen=True)
class Tally:
    """Sums over samples, from which every row of the curve is made.

    Args:
        count: Samples.
        sums: Right answers, nll, right answers and nll of the member, disagreement; (M, 5), float64.
        bins: Samples, confidences, right answers by bin of confidence; (M, 3, 15), float64.

    Returns:
        An immutable value; tallies of several batches or processes are added by ``+``.

    Example:
        >>> one = tally(torch.tensor([[[2.0, 0.0]]]), torch.tensor([0]))
        >>> (one + one).count
        2
    """

    count: int
    sums: Tensor
    bins: Tensor

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.count + other.count, self.sums + other.sums, self.bins + other.bins)

    def to(self, device: str | torch.device) -> "Tally":
        """Return the same with its tensors on ``device``."""
        return Tally(self.count, self.sums.to(device), self.bins.to(device))

    def rows(self) -> tuple[CurveRow, ...]:
        """Return the curve for m = 1 ... M; waits for the device."""
        means = (self.sums / max(self.count, 1)).tolist()
        errors = error_of_bins(self.bins).tolist()
        return tuple(
            CurveRow(m, right, nll, error, differing, own_right, own_nll)
            for m, ((right, nll, own_right, own_nll, differing), error) in enumerate(
                zip(means, errors, strict=True), start=1
            )
        )


def tally(logits: Tensor, targets: Tensor) -> Tally:
    """Add up a batch for the means of the last m = 1 ... M members, and for every member alone.

    Args:
        logits: Of each member (M, B, K), the oldest first, any floating dtype; not modified.
        targets: Classes (B,), integers in [0, K).

    Returns:
        Sums over the B samples, on the device of ``logits``, made without waiting for it.

    Raises:
        TypeError: ``logits`` is no floating tensor, or ``targets`` no integer one.
        ValueError: Shapes do not go together.

    Example:
        >>> members = torch.tensor([[[0.9, 0.1]], [[0.2, 0.8]]]).log()
        >>> [(row.num_members, row.accuracy) for row in tally(members, torch.tensor([0])).rows()]
        [(1, 0.0), (2, 1.0)]

    Reference:
        Huang et al., "Snapshot Ensembles: Train 1, Get M for Free", ICLR 2017, section 3 (the last m models).
    """
    log_probs = log_probabilities(OWNER, logits)
    _check_targets(targets, tuple(log_probs.shape[1:2]))
    means, newest = mean_log_probabilities(log_probs), log_probs.flip(0)  # (M, B, K)
    confidences, classes = means.max(dim=-1)
    is_right = classes == targets
    columns = is_right, -_picked(means, targets), newest.argmax(dim=-1) == targets, -_picked(newest, targets)
    sums = [column.double().sum(dim=-1) for column in columns]  # (M,) each
    sums.append(differing_pairs(log_probs.argmax(dim=-1)))
    return Tally(len(targets), torch.stack(sums, dim=1), bin_sums(confidences.exp(), is_right, NUM_BINS))


def _check_targets(targets: Tensor, shape: tuple[int, ...]) -> None:
    if targets.is_floating_point() or targets.dtype == torch.bool or targets.is_complex():
        raise TypeError(message(OWNER, "targets", "hold classes as integers", targets.dtype, _REMEDY))
    if tuple(targets.shape) != shape:
        raise ValueError(message(OWNER, "targets", f"be of shape {shape}", tuple(targets.shape), _REMEDY))


def _picked(log_probs: Tensor, targets: Tensor) -> Tensor:
    return log_probs.gather(-1, targets.long().expand(len(log_probs), -1)[..., None])[..., 0]
