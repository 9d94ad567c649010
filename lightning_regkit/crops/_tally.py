"""What the first views of a layout achieve together, for several numbers of them, in one pass over the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import add
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit._checks import message
from lightning_regkit.crops._curve import ViewsRow

__all__ = ["Tally", "tally"]

OWNER = "crops.tally"
_REMEDY = "A curve is of classes: pass curve=False, and readout=Readout(activation=...) of what the scores are."
CLASS_DIM = 1
SCORES_NDIM = 2


@final
@dataclass(frozen=True)
class Tally:
    """Sums over images, from which every row of the curve is made.

    Args:
        count: Images.
        sums: By number of views: right answers, nll and seconds.

    Returns:
        An immutable value; tallies of several batches or processes are added by ``+``.

    Raises:
        ValueError: Two that are added are of other numbers of views.

    Example:
        >>> one = Tally(4, {1: (3.0, 2.0, 0.1)})
        >>> (one + one).rows()
        (ViewsRow(num_views=1, accuracy=0.75, nll=0.5, milliseconds=25.0),)
    """

    count: int
    sums: Mapping[int, tuple[float, ...]]

    def __add__(self, other: "Tally") -> "Tally":
        if self.sums.keys() != other.sums.keys():
            raise ValueError(message(OWNER, "numbers of views", f"be {list(self.sums)}", list(other.sums)))
        sums = {views: tuple(map(add, each, other.sums[views])) for views, each in self.sums.items()}
        return Tally(self.count + other.count, sums)

    def rows(self) -> tuple[ViewsRow, ...]:
        """Return the curve, the fewest views first."""
        count = max(self.count, 1)
        return tuple(
            ViewsRow(views, right / count, nll / count, 1e3 * seconds / count)
            for views, (right, nll, seconds) in sorted(self.sums.items())
        )


def tally(scores: Mapping[int, Tensor], targets: Tensor, seconds: Mapping[int, float]) -> Tally:
    """Add up a batch for means over several numbers of views.

    Args:
        scores: For each number of views, the mean over as many (B, K), any floating dtype: what goes into a softmax;
            not modified.
        targets: Classes (B,), integers in [0, K).
        seconds: For each number of views, how long they took.

    Returns:
        Sums over the B images. Waits for the device.

    Raises:
        TypeError: ``targets`` is no integer tensor.
        ValueError: Shapes or numbers of views do not go together, or scores are not (B, K).

    Example:
        >>> means = {1: torch.tensor([[0.0, 1.0]]), 2: torch.tensor([[3.0, 1.0]])}
        >>> [row.accuracy for row in tally(means, torch.tensor([0]), {1: 0.1, 2: 0.2}).rows()]
        [0.0, 1.0]
    """
    if scores.keys() != seconds.keys():
        raise ValueError(message(OWNER, "seconds", f"be of {list(scores)} views", list(seconds)))
    for each in scores.values():
        _check(each, targets)
    sums = {views: _sums(each, targets).tolist() for views, each in scores.items()}
    return Tally(len(targets), {views: (*found, seconds[views]) for views, found in sums.items()})


def _sums(scores: Tensor, targets: Tensor) -> Tensor:
    exact = scores.to(torch.promote_types(scores.dtype, torch.float32))
    is_right = exact.argmax(CLASS_DIM) == targets
    log_likelihood = F.log_softmax(exact, CLASS_DIM).gather(CLASS_DIM, targets.long()[:, None])
    return torch.stack([is_right.to(exact.dtype).sum(), -log_likelihood.sum()])  # (2,)


def _check(scores: Tensor, targets: Tensor) -> None:
    if scores.ndim != SCORES_NDIM:
        raise ValueError(message(OWNER, "scores", "be of shape (B, K)", tuple(scores.shape)))
    if targets.is_floating_point() or targets.dtype == torch.bool or targets.is_complex():
        raise TypeError(message(OWNER, "targets", "hold classes as integers", targets.dtype, _REMEDY))
    if targets.shape != scores.shape[:1]:
        shape = tuple(scores.shape[:1])
        raise ValueError(message(OWNER, "targets", f"be of shape {shape}", tuple(targets.shape), _REMEDY))
