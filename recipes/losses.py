"""What recipes minimize, and its mean over the images of an epoch."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeAlias, final, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric
from typing_extensions import override

import lightning_regkit as rk

__all__ = ["Loss", "SampleMean"]

Name: TypeAlias = Literal["bce", "cross_entropy"]

OWNER: Final = "Loss"


@final
@dataclass(frozen=True)
class Loss:
    """The training loss of logits (B, K).

    ``"cross_entropy"`` is torch's. ``"bce"`` asks of each class by itself whether the image shows it: the mean over
    images and classes of -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)). With ``threshold``, t is 1 for each class
    whose target is above it, else 0: an image mixed of two shows both.

    Args:
        name: ``"cross_entropy"`` or ``"bce"``.
        label_smoothing: s in [0, 1]: a target y becomes (1 - s) y + s / K.
        threshold: In [0, 1), for ``"bce"`` without smoothing, which it would undo; None leaves targets as they are.

    Raises:
        ValueError: A word is unknown, a number is out of range, or they do not go together.

    Example:
        >>> targets = torch.tensor([[0.7, 0.3, 0.0]])
        >>> round(Loss("bce", threshold=0.2)(torch.zeros(1, 3), targets).item(), 4)  # log 2
        0.6931

    Reference:
        Wightman, Touvron and Jégou, "ResNet Strikes Back: An Improved Training Procedure in timm", 2021, section 3.
    """

    name: Name = "cross_entropy"
    label_smoothing: float = 0.0
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.name not in get_args(Name):
            raise ValueError(f"{OWNER}: name must be one of {', '.join(get_args(Name))}, got {self.name!r}.")
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"{OWNER}: label_smoothing must be in [0, 1], got {self.label_smoothing!r}.")
        if self.threshold is None:
            return
        if not 0 <= self.threshold < 1:
            raise ValueError(f"{OWNER}: threshold must be in [0, 1), got {self.threshold!r}.")
        if self.name != "bce" or self.label_smoothing > 0:
            got = f"{self.name!r} and label_smoothing {self.label_smoothing!r}"
            raise ValueError(f"{OWNER}: threshold must come with 'bce' and without label_smoothing, got {got}.")

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> "Loss":
        """Build one from a mapping, as YAML has it; None for cross-entropy.

        Args:
            options: The arguments by name.

        Raises:
            ValueError: A name is not among them.
        """
        known, given = [field.name for field in fields(cls)], dict(options or {})
        if unknown := sorted(set(given) - set(known)):
            close = ", ".join(difflib.get_close_matches(unknown[0], known)) or ", ".join(known)
            raise ValueError(f"{OWNER}: options must be those of a loss, got {unknown}. Close: {close}.")
        return cls(**given)

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean over a batch.

        Args:
            logits: Scores (B, K).
            targets: Labels (B,), mixed ones for cross-entropy alone; or probabilities (B, K).

        Returns:
            A scalar.
        """
        if self.name == "cross_entropy":
            return F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)
        return F.binary_cross_entropy_with_logits(logits, self._shares(logits, targets).float())  # whatever logits are

    def _shares(self, logits: Tensor, targets: Tensor) -> Tensor:
        num_classes = logits.shape[1]
        shares = targets if targets.is_floating_point() else rk.mixing.to_probabilities(targets, num_classes)
        if self.threshold is not None:
            return shares > self.threshold
        return shares * (1 - self.label_smoothing) + self.label_smoothing / num_classes


@final
class SampleMean(Metric):
    """The mean over images of what batches have as their means, however many images each has, on all processes.

    ``self.log(..., sync_dist=True)`` of a number gives another one where batches or processes differ in size: it rounds
    their weights.

    Example:
        >>> mean = SampleMean()
        >>> mean.update(torch.tensor(1.0), 3)
        >>> mean.update(torch.tensor(5.0), 1)
        >>> mean.compute()
        tensor(2.)
    """

    is_differentiable = False
    full_state_update = False

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0.0), dist_reduce_fx="sum")

    @override
    def update(self, mean: Tensor, count: int) -> None:
        """Take in a batch: its mean, and how many images it has."""
        self.total += mean.detach() * count
        self.count += count

    @override
    def compute(self) -> Tensor:
        """Divide the sum over all images by their number."""
        return self.total / self.count
