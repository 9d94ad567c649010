"""A logged metric, the same on every rank."""

from typing import TYPE_CHECKING

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["is_evaluated", "monitored"]


def monitored(owner: str, trainer: "pl.Trainer", monitor: str) -> float:
    """Return the last value of a logged metric: rank 0's, on every rank.

    Args:
        owner: The callback's name, for the message.
        trainer: After an evaluation.
        monitor: Name of the metric.

    Returns:
        The value; it may be NaN.

    Raises:
        ValueError: Nothing was logged under this name; lists what was.
    """
    metrics = trainer.callback_metrics
    found = (float(metrics[monitor]) if monitor in metrics else None, sorted(metrics))
    if trainer.world_size > 1:
        found = trainer.strategy.broadcast(found, src=0)
    value, names = found
    if value is None:
        remedy = f"Logged are: {', '.join(names) or 'none'}."
        raise ValueError(message(owner, "monitor", "name a metric that is logged by then", monitor, remedy))
    return value


def is_evaluated(trainer: "pl.Trainer", *, after_validation: bool) -> bool:
    """Tell whether metrics of a fit are due: after a validation, or where it has none, after an epoch.

    Args:
        trainer: In ``on_validation_end`` or ``on_train_epoch_end``.
        after_validation: Which of the two.

    Returns:
        Whether to look at them here; never in the sanity check, nor outside of a fit.
    """
    return trainer.state.fn == "fit" and not trainer.sanity_checking and after_validation == trainer.enable_validation
