"""What happened while a handful of batches came again and again."""

from dataclasses import dataclass
from typing import final

from lightning_regkit.tuning._expected_loss import LossSpec

__all__ = ["Overfitted"]


@final
@dataclass(frozen=True)
class Overfitted:
    """What happened while the same few batches came again and again.

    Args:
        losses: Of each step, in order.
        accuracy: In [0, 1], over the last pass; None where it is not known.
        frozen: Share of the weights that no optimizer has or that are not trainable.
        without_gradient: Share of the other weights whose gradient was 0 at the first step.
        moved: Norm of the change of the weights by that of the first weights.
        saturated: Share of the outputs of a tanh or sigmoid that were at the ends of its range at the first step, of
            the call that had most.
        dead: Share of the units of a rectifier whose inputs were all below 0 at the first step, of the call that had
            most.
        spec: What the loss is made of; None where no cross-entropy was seen.

    Example:
        >>> Overfitted((2.3, 1.0, 0.1), accuracy=1.0).frozen
        0.0
    """

    losses: tuple[float, ...]
    accuracy: float | None = None
    frozen: float = 0.0
    without_gradient: float = 0.0
    moved: float = 1.0
    saturated: float = 0.0
    dead: float = 0.0
    spec: LossSpec | None = None
