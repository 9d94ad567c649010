"""A patience has to outlast a cycle of the learning rate."""

from typing import TYPE_CHECKING

from lightning_regkit._checks import message
from lightning_regkit._lightning._horizon import horizons
from lightning_regkit._lightning._observed import steps_between_checks
from lightning_regkit._lightning._time_limit import time_limit
from lightning_regkit.callbacks._schedule_lr import ScheduleLR
from lightning_regkit.callbacks._snapshot_ensemble import SnapshotEnsemble
from lightning_regkit.schedules import CyclicCosine, ScheduleSpec, compose
from lightning_regkit.stopping import longest_cycle, patience_steps

if TYPE_CHECKING:
    from lightning_regkit._durations import Horizon
    from lightning_regkit._lightning import pl
    from lightning_regkit.schedules import Schedule
    from lightning_regkit.stopping import StoppingRule

__all__ = ["refuse_short_patience"]


def refuse_short_patience(rule: "StoppingRule", trainer: "pl.Trainer") -> None:
    """Refuse to stop in the middle of a cycle of the rate: the metric is worst where one begins.

    Args:
        rule: The settings.
        trainer: At ``on_train_start``.

    Raises:
        ValueError: Patience is shorter than the longest cycle that ``ScheduleLR`` or ``SnapshotEnsemble`` drives.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by the callback connector
        if isinstance(callback, ScheduleLR | SnapshotEnsemble):
            total_steps = callback.total_steps if isinstance(callback, ScheduleLR) else None
            if isinstance(callback, SnapshotEnsemble) and time_limit(trainer) is not None:
                continue  # nobody knows how long its cycles will be
            for index, horizon in enumerate(horizons(rule.owner, trainer, total_steps)):
                _refuse(rule, trainer, horizon, (type(callback).__name__, _curve(callback, index, horizon)))


def _refuse(
    rule: "StoppingRule", trainer: "pl.Trainer", horizon: "Horizon", driven: "tuple[str, Schedule | None]"
) -> None:
    name, curve = driven
    if curve is None or horizon.total_steps is None:
        return
    between = steps_between_checks(trainer, horizon.epoch_ends[0]) if horizon.epoch_ends else None
    cycle, patience = longest_cycle(map(curve, range(horizon.total_steps))), patience_steps(rule, horizon, between)
    if cycle is not None and patience is not None and patience < cycle:
        condition = f"be at least a cycle of {name}, {cycle} steps"
        remedy = f'Pass "{cycle}step" or more, or stop=False.'
        raise ValueError(message(rule.owner, "patience", condition, rule.patience, remedy))


def _curve(callback: ScheduleLR | SnapshotEnsemble, index: int, horizon: "Horizon") -> "Schedule | None":
    if isinstance(callback, ScheduleLR):
        spec = callback.spec if isinstance(callback.spec, ScheduleSpec) else callback.spec[index]
        return compose(spec, horizon, warmup=callback.warmup, start_factor=callback.start_factor)
    if callback.cycles.control == "no_cycle" or horizon.total_steps is None:
        return None
    return compose(CyclicCosine(callback.cycles.num_cycles), horizon, warmup=callback.cycles.warmup)
