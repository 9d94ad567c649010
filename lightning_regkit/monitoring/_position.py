"""Where in a run a row was logged, on every axis it may be drawn over."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias, final

__all__ = ["AXES", "Axis", "Odometer", "Position", "axis_step", "epochs_done"]

#: What a row may be drawn over.
Axis: TypeAlias = Literal["step", "samples", "epoch", "seconds"]
AXES: Final = ("step", "samples", "epoch", "seconds")

_PARTS_OF_AN_EPOCH: Final = 1000


@final
@dataclass(frozen=True)
class Position:
    """A moment of a run.

    Args:
        step: The step that loggers count, 0-based.
        samples: Samples trained on so far, by all processes together.
        epoch: Epochs done, with the part of the one under way.
        seconds: Since training began, validations and all.

    Example:
        >>> Position(step=9, samples=320, epoch=0.5, seconds=2.0).fields
        {'samples': 320, 'epoch': 0.5, 'seconds': 2.0}
    """

    step: int
    samples: int
    epoch: float
    seconds: float

    @property
    def fields(self) -> dict[str, float]:
        """All but the step, to be logged beside it."""
        return {name: value for name, value in asdict(self).items() if name != "step"}


def axis_step(position: Position, axis: Axis) -> int:
    """Return the whole number that stands for a position where a logger has one axis, of whole numbers.

    Args:
        position: The moment.
        axis: ``"step"``, ``"samples"``, ``"epoch"`` or ``"seconds"``.

    Returns:
        Steps, samples, thousandths of an epoch, or seconds, rounded down.

    Example:
        >>> axis_step(Position(step=9, samples=320, epoch=0.5, seconds=2.0), "epoch")
        500

    Reference:
        The thousandth of an epoch is what the training code of He et al., "Masked Autoencoders Are Scalable Vision
        Learners", CVPR 2022, gives TensorBoard.
    """
    if axis == "epoch":
        return math.floor(round(position.epoch * _PARTS_OF_AN_EPOCH, 6))  # 1.001 * 1000 is below 1001
    return math.floor({"step": position.step, "samples": position.samples, "seconds": position.seconds}[axis])


def epochs_done(epoch: int, batches: int, num_batches: float) -> float:
    """Return how many epochs are done.

    Args:
        epoch: Whole ones.
        batches: Batches done of the one under way.
        num_batches: Batches it has; infinity where it has no known length.

    Returns:
        ``epoch + batches / num_batches``, rounded to nine decimals; ``epoch`` where the length is unknown or 0.

    Example:
        >>> epochs_done(2, 3, 4)
        2.75
    """
    return epoch if num_batches == 0 else round(epoch + batches / num_batches, 9)


@final
class Odometer:
    """Samples and seconds of a run, over all its parts if it was resumed.

    Args:
        clock: Seconds since some fixed moment.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start_s = clock()
        self.samples = 0

    def start(self, samples: int = 0, seconds: float = 0.0) -> None:
        """Go on from where an earlier part of the run ended."""
        self.samples = samples
        self._start_s = self._clock() - seconds

    def add(self, samples: int) -> None:
        """Count samples trained on."""
        self.samples += samples

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._clock() - self._start_s

    def position(self, step: int, epoch: float) -> Position:
        """Return the moment that it is now."""
        return Position(step, self.samples, epoch, self.seconds)
