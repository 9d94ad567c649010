"""What mixed labels are given to the loss as."""

from dataclasses import dataclass, field
from typing import final

from torch import nn

from lightning_regkit._checks import fraction, message, one_of, positive_int
from lightning_regkit._lightning import Example, pl
from lightning_regkit.mixing import MixedTarget, effective_smoothing, to_probabilities

__all__ = ["TargetStyle"]


@final
@dataclass(frozen=True)
class TargetStyle:
    """Labels as they come, or as plain probabilities (B, K) in every training batch, mixed or not.

    Args:
        owner: The callback's name, for messages.
        targets: ``"labels"`` or ``"probabilities"``.
        num_classes: K of the probabilities; None for labels.
        label_smoothing: Share of the probabilities that is spread evenly over all classes; 0 for labels.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range, missing, or would mean nothing.
    """

    owner: str = field(compare=False)
    targets: str = "labels"
    num_classes: int | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        one_of(self.owner, "targets", self.targets, ("labels", "probabilities"))
        fraction(self.owner, "label_smoothing", self.label_smoothing)
        if self.targets == "labels":
            self._refuse_what_means_nothing()
        elif self.num_classes is None:
            remedy = "Pass the number of classes that the loss expects."
            raise ValueError(message(self.owner, "num_classes", "be given with targets='probabilities'", None, remedy))
        else:
            positive_int(self.owner, "num_classes", self.num_classes)

    def prepare(self, example: Example) -> Example:
        """Return the example with its labels in this style; floating targets are what they should be already.

        Raises:
            ValueError: The labels are mixed already, and who mixed them waits for a loss that sees the mixture.
        """
        if self.num_classes is None or example.targets is None or example.targets.is_floating_point():
            return example
        if isinstance(example.targets, MixedTarget):
            condition, remedy = "be 'labels' behind a callback that mixes labels", "Pass the same to both."
            raise ValueError(message(self.owner, "targets", condition, self.targets, remedy))  # noqa: TRY004  # a setting
        return Example(example.inputs, to_probabilities(example.targets, self.num_classes, self.label_smoothing))

    def announce(self, pl_module: "pl.LightningModule") -> None:
        """Warn where a loss of the module would smooth once more."""
        losses = [layer for layer in pl_module.modules() if isinstance(layer, nn.CrossEntropyLoss)]
        smoothing = max((loss.label_smoothing for loss in losses), default=0.0)
        if self.label_smoothing > 0 and smoothing > 0:
            total = effective_smoothing(self.label_smoothing, smoothing)
            condition, remedy = "be 0 where the loss smooths too", f"Together they smooth by {total:g}."
            pl.utilities.rank_zero_warn(message(self.owner, "label_smoothing", condition, self.label_smoothing, remedy))

    def _refuse_what_means_nothing(self) -> None:
        if self.num_classes is not None:
            remedy = "Labels need no number of classes."
            condition = "be left out with targets='labels'"
            raise ValueError(message(self.owner, "num_classes", condition, self.num_classes, remedy))
        if self.label_smoothing > 0:
            remedy = "Let the loss smooth: nn.CrossEntropyLoss(label_smoothing=...)."
            condition = "be 0 with targets='labels'"
            raise ValueError(message(self.owner, "label_smoothing", condition, self.label_smoothing, remedy))
