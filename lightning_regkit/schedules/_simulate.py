"""The factors of a run that never runs."""

from lightning_regkit._checks import positive_int
from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._compose import compose
from lightning_regkit.schedules._spec import ScheduleSpec

__all__ = ["simulate"]


def simulate(
    spec: ScheduleSpec,
    *,
    total_steps: int,
    warmup: str | int = 0,
    start_factor: float | None = None,
    steps_per_epoch: int | None = None,
) -> tuple[float, ...]:
    """List the factors of a run, without a model, an optimizer or a Trainer.

    Args:
        spec: The shape.
        total_steps: T, optimizer steps of the run, >= 1.
        warmup: Length of the warmup, such as ``"5ep"``; integers count steps; 0 for none.
        start_factor: Factor at step 0 of the warmup, in [0, 1]; None means 1 / warmup steps.
        steps_per_epoch: Optimizer steps of an epoch, >= 1; needed where a length is in epochs.

    Returns:
        T + 1 factors: those of steps 0 ... T - 1, which the run takes, and the one of its end, T, which no step uses
        and which stays. Where epochs differ in length, ``compose`` takes a ``Horizon``.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range, or the spec does not fit into the run.
        UnknownTotalError: A length is in epochs and ``steps_per_epoch`` is None.

    Example:
        >>> from lightning_regkit.schedules import Linear
        >>> simulate(Linear(), total_steps=6, warmup="1ep", steps_per_epoch=2)
        (0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0)
    """
    positive_int("schedules.simulate", "total_steps", total_steps)
    epoch_ends: tuple[int, ...] = ()
    if steps_per_epoch is not None:
        length = positive_int("schedules.simulate", "steps_per_epoch", steps_per_epoch)
        epoch_ends = tuple(range(length, total_steps + length, length))
    schedule = compose(spec, Horizon(total_steps, epoch_ends), warmup=warmup, start_factor=start_factor)
    return tuple(schedule(step) for step in range(total_steps + 1))
