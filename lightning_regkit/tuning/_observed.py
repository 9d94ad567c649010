"""What the first batches of a run look like."""

from dataclasses import dataclass
from typing import final

from lightning_regkit.tuning._expected_loss import LossSpec

__all__ = ["Observed"]


@final
@dataclass(frozen=True)
class Observed:
    """Facts about a network before its first step.

    Args:
        loss: What is minimized, with the penalty on weights; a mean over the batches.
        spec: What the loss is made of; None where no cross-entropy was seen.
        batch_size: Images in a batch.
        ratio: Of the loss that was returned to the mean of the cross-entropy that was called; None where none was seen.
        penalty: On the weights.
        num_images: In all batches.
        labels: The smallest and the largest label; None where targets are no labels.
        inputs: Mean and standard deviation over the inputs; None where they are no numbers.
        spread: Standard deviation of an output around its mean over images, averaged over outputs.
        mean_outputs: Mean of each output.
        are_probabilities: Whether what went into the loss of logits was in [0, 1] and added up to 1.
        eval_norms: Names of trainable batch norms that are in eval mode.
        num_repeated: Validation images that are, byte for byte, training images.

    Example:
        >>> Observed(2.3, LossSpec(10), batch_size=25).labels is None
        True
    """

    loss: float
    spec: LossSpec | None = None
    batch_size: int = 1
    ratio: float | None = None
    penalty: float = 0.0
    num_images: int = 0
    labels: tuple[int, int] | None = None
    inputs: tuple[float, float] | None = None
    spread: float | None = None
    mean_outputs: tuple[float, ...] | None = None
    are_probabilities: bool = False
    eval_norms: tuple[str, ...] = ()
    num_repeated: int = 0
