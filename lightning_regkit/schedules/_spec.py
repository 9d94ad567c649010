"""What all schedules share: the type of a schedule, and the abstract spec."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from lightning_regkit._checks import message, non_negative_int
from lightning_regkit._durations import Horizon
from lightning_regkit.errors import UnknownTotalError

__all__ = ["Schedule", "ScheduleSpec", "steps_after_warmup", "steps_left"]

#: Optimizer step (0-based) to the factor that multiplies the base rate.
Schedule: TypeAlias = Callable[[int], float]


class ScheduleSpec(ABC):
    """A schedule as the user declares it, before the length of the run is known.

    Subclasses are frozen dataclasses, so a spec is a value that Python, YAML and a checkpoint share.

    Example:
        >>> from lightning_regkit.schedules import Cosine
        >>> isinstance(Cosine(), ScheduleSpec)
        True
    """

    @abstractmethod
    def build(self, horizon: Horizon, warmup_steps: int = 0) -> Schedule:
        """Build the schedule on the clock that starts at the end of warmup.

        Args:
            horizon: What is known of the run, warmup included.
            warmup_steps: w, steps of warmup in front, in [0, T).

        Returns:
            The factor of step ``warmup_steps + t`` for t = 0, 1, ...

        Raises:
            ValueError: The spec does not fit into the run.
            UnknownTotalError: The spec needs a length that the run does not have.
        """

    @abstractmethod
    def describe(self, horizon: Horizon, warmup_steps: int = 0) -> str:
        """Say in one line what will happen at which step of the run; arguments and errors are those of ``build``."""


def steps_after_warmup(owner: str, horizon: Horizon, warmup_steps: int) -> int:
    """Count the steps that a stretching shape has for itself.

    Args:
        owner: Name of the spec, for the message.
        horizon: What is known of the run.
        warmup_steps: w, steps of warmup in front.

    Returns:
        T - w, at least 1.

    Raises:
        ValueError: The warmup fills the run.
        UnknownTotalError: The run has no known length.

    Example:
        >>> steps_after_warmup("Cosine", Horizon(total_steps=100), 5)
        95
    """
    left = steps_left(owner, horizon, warmup_steps)
    if left is None:
        remedy = "Pass max_steps= to the Trainer, or max_epochs= with limit_train_batches=."
        raise UnknownTotalError(message(owner, "the run", "have a known number of steps", None, remedy))
    return left


def steps_left(owner: str, horizon: Horizon, warmup_steps: int) -> int | None:
    """Count the steps after the warmup, for a shape that could go on for ever.

    Args:
        owner: Name of the spec, for the message.
        horizon: What is known of the run.
        warmup_steps: w, steps of warmup in front.

    Returns:
        T - w, at least 1; None where the run has no known length.

    Raises:
        ValueError: The warmup fills the run.

    Example:
        >>> steps_left("InverseSqrt", Horizon(total_steps=None), 5) is None
        True
    """
    non_negative_int(owner, "warmup_steps", warmup_steps)
    total = horizon.total_steps
    if total is None:
        return None
    if warmup_steps >= total:
        raise ValueError(message(owner, "warmup_steps", f"be below the {total} steps of the run", warmup_steps))
    return total - warmup_steps
