"""How long a run is, in optimizer steps.

``estimated_stepping_batches`` ignores scheduled accumulation and time limits, so the plan is worked out from the loop's
own bounds.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from lightning_regkit._checks import message, positive_int
from lightning_regkit._durations import Horizon

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = [
    "accumulation_scheduler",
    "check_total_steps",
    "epoch_bound",
    "given_horizons",
    "horizons",
    "refuse_long_windows",
    "steps_by_epoch",
    "windows",
]


def check_total_steps(owner: str, value: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    """Return ``total_steps`` as an integer or a tuple of one for each optimizer, or None; refuse anything else."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(positive_int(owner, "total_steps", item) for item in value)
    return None if value is None else positive_int(owner, "total_steps", value)


def steps_by_epoch(batches: int, windows: Iterable[int]) -> tuple[int, ...]:
    """Add up optimizer steps: ceil(batches / window) an epoch, for a short last window steps too.

    Args:
        batches: Training batches an epoch.
        windows: Batches accumulated for one step, epoch by epoch.

    Returns:
        Steps done at the end of each epoch; as long as ``windows``.

    Example:
        >>> steps_by_epoch(5, [1, 2, 2])
        (5, 8, 11)
    """
    return tuple(accumulate(math.ceil(batches / window) for window in windows))


def horizons(owner: str, trainer: "pl.Trainer", total_steps: int | Sequence[int] | None) -> list[Horizon]:
    """Work out the run's length for each optimizer.

    The bounds are ``max_epochs``, ``max_steps``, the loader and the accumulation, fixed or scheduled. Manual
    optimization counts as one step of every optimizer a batch. A time limit is not counted on.

    Args:
        owner: The callback's name, for messages.
        trainer: At ``on_train_start`` or later, when the number of batches is known.
        total_steps: What the user says instead, for all optimizers or for each.

    Returns:
        Total and epoch ends in steps of each optimizer; None and () where nothing bounds them.

    Raises:
        ValueError: ``total_steps`` lists another number of optimizers.
    """
    count = len(trainer.optimizers)
    return [_horizon(trainer)] * count if total_steps is None else given_horizons(owner, total_steps, count)


def given_horizons(owner: str, total_steps: int | Sequence[int], count: int) -> list[Horizon]:
    """Return the run's length for each of ``count`` optimizers as the user says it; raises as ``horizons`` does."""
    totals = [total_steps] * count if isinstance(total_steps, int) else list(total_steps)
    if len(totals) != count:
        raise ValueError(message(owner, "total_steps", f"list one number for each of {count} optimizers", total_steps))
    return [Horizon(total_steps=total, epoch_ends=()) for total in totals]


def refuse_long_windows(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse to accumulate more batches than an epoch has: Lightning steps at its end, on fewer.

    Args:
        owner: The callback's name, for the message.
        trainer: At ``on_train_start`` or later. A ``fast_dev_run``, which cuts epochs short, is let through.

    Raises:
        ValueError: Names both numbers.
    """
    batches, longest = trainer.num_training_batches, max(windows(trainer, epoch_bound(trainer)), default=1)
    if longest > batches and not trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by Trainer.__init__
        condition = f"be at most the {batches} batches of an epoch"
        remedy = "Every epoch ends with a step, on fewer batches than asked for."
        raise ValueError(message(owner, "accumulate_grad_batches", condition, longest, remedy))


def epoch_bound(trainer: "pl.Trainer") -> int | None:
    """Return the Trainer's bound on epochs, if it has one."""
    return trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs >= 0 else None


def _horizon(trainer: "pl.Trainer") -> Horizon:
    batches, epochs = trainer.num_training_batches, epoch_bound(trainer)
    ends = steps_by_epoch(int(batches), windows(trainer, epochs)) if math.isfinite(batches) else ()
    bounds = [ends[-1]] if ends and epochs is not None else []
    if trainer.max_steps >= 0:
        bounds.append(math.ceil(trainer.max_steps / max(len(trainer.optimizers), 1)))  # Lightning adds optimizers up
    return Horizon(total_steps=min(bounds, default=None), epoch_ends=ends)


def windows(trainer: "pl.Trainer", epochs: int | None) -> list[int]:
    """List the accumulation of every epoch; without a bound on epochs, up to the last that differs."""
    scheduler = accumulation_scheduler(trainer)
    if scheduler is None:
        return [trainer.accumulate_grad_batches] * (epochs or 1)
    return [scheduler.get_accumulate_grad_batches(epoch) for epoch in range(epochs or scheduler.epochs[-1] + 1)]


def accumulation_scheduler(trainer: "pl.Trainer") -> Any | None:
    """Return the run's ``GradientAccumulationScheduler``, by name: either distribution's may be in either's Trainer."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by the callback connector
        if any(base.__name__ == "GradientAccumulationScheduler" for base in type(callback).__mro__):
            return callback
    return None
