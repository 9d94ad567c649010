"""Validation minus training, at the end of an epoch."""

from typing import TYPE_CHECKING

from lightning_regkit._checks import message
from lightning_regkit.callbacks._center_settings import OWNER
from lightning_regkit.monitoring import gaps, paired_names, to_floats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_regkit._lightning import pl

__all__ = ["logged_gaps"]


def logged_gaps(trainer: "pl.Trainer", pairs: "Mapping[str, tuple[str, str]] | None") -> dict[str, float]:
    """Return the gaps of metrics that are logged for training and for validation.

    Args:
        trainer: After an epoch that had a validation.
        pairs: Names for training and for validation, by the name of the gap; None pairs them by their names.

    Returns:
        By ``gap/NAME``.

    Raises:
        ValueError: What ``pairs`` names is not logged.
    """
    metrics = trainer.callback_metrics
    missing = sorted({name for pair in (pairs or {}).values() for name in pair} - metrics.keys())
    if missing and trainer.is_global_zero:
        remedy = f"Logged are: {', '.join(sorted(metrics)) or 'none'}."
        raise ValueError(message(OWNER, "gaps", "name metrics that are logged", missing, remedy))
    found = paired_names(metrics) if pairs is None else pairs
    used = {name for pair in found.values() for name in pair} & metrics.keys()
    values = to_floats({name: metrics[name] for name in sorted(used)})
    return {f"gap/{name}": gap for name, gap in gaps(values, found).items()}
