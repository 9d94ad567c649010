"""Who drives the rate of a snapshot run, and when its cycles end."""

from typing import TYPE_CHECKING, final

from lightning_regkit._checks import message
from lightning_regkit._lightning import GroupOption, attached_schedulers, refuse_rivals
from lightning_regkit._lightning._time_limit import time_limit
from lightning_regkit.callbacks._cycle_settings import OWNER
from lightning_regkit.callbacks._planned_cycles import plan_of
from lightning_regkit.callbacks._schedule_lr import ScheduleLR
from lightning_regkit.schedules import CyclicCosine, ScheduleSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_regkit._durations import Horizon
    from lightning_regkit._lightning import pl
    from lightning_regkit.callbacks._cycle_plans import CyclePlan

__all__ = ["SnapshotRates"]


@final
class SnapshotRates:
    """Drives the rate in cosine cycles, unless a ``ScheduleLR`` in the Trainer does or ``no_cycle`` asks for none.

    Args:
        num_cycles: M.
        warmup: Length of the linear warmup before the first cycle.
        is_cyclic: False where the ordinary schedule of the run is to stay.
    """

    def __init__(self, num_cycles: int, warmup: int | str, *, is_cyclic: bool) -> None:
        self.num_cycles = num_cycles
        self.warmup = warmup
        self._is_cyclic = is_cyclic
        self._option: GroupOption | None = None
        self._plan: CyclePlan | None = None

    @property
    def base(self) -> list[list[float]]:
        """Rates of the groups as the code gave them, where they are driven here."""
        return [] if self._option is None else self._option.base

    @property
    def is_driven(self) -> bool:
        """Whether the rates of this run are driven here."""
        return self._option is not None

    def claim(self, trainer: "pl.Trainer", callback: "pl.Callback") -> None:
        """Settle who drives, before a checkpoint's groups replace the code's.

        Raises:
            ValueError: It is not clear who, or something else drives the rates.
        """
        self._option = self._plan = None
        found = [type(config.scheduler).__name__ for config in trainer.lr_scheduler_configs]
        if not self.drives(trainer, found + attached_schedulers(trainer.optimizers)):
            return
        refuse_rivals(OWNER, trainer, callback)
        self._option = GroupOption(OWNER, "lr", trainer.optimizers)

    def drives(self, trainer: "pl.Trainer", schedulers: "Sequence[str]") -> bool:
        """Tell whether the rate is driven here; raises as ``claim`` does."""
        rider = _rider(trainer)
        spec = None if rider is None else _only(rider.spec)
        if not self._is_cyclic:
            if isinstance(spec, CyclicCosine):
                raise ValueError(message(OWNER, "ScheduleLR", "have no cycles with control='no_cycle'", spec))
            return False
        if rider is not None and time_limit(trainer) is not None:
            remedy = "It knows no time; without it the rate is driven here."
            raise ValueError(message(OWNER, "ScheduleLR", "be left out with max_time", spec, remedy))
        remedy = f"Write ScheduleLR(CyclicCosine({self.num_cycles})), or remove it."
        if rider is not None and not (isinstance(spec, CyclicCosine) and spec.num_cycles == self.num_cycles):
            raise ValueError(message(OWNER, "ScheduleLR", f"have {self.num_cycles} cosine cycles", spec, remedy))
        if rider is not None and self.warmup != 0:
            raise ValueError(message(OWNER, "warmup", "be that of ScheduleLR, which drives the rate", self.warmup))
        if rider is not None and rider.total_steps is not None:
            raise ValueError(message(OWNER, "ScheduleLR", "have no total_steps of its own", rider.total_steps))
        if rider is None and schedulers:
            remedy = f"Return the optimizer alone, or add ScheduleLR(CyclicCosine({self.num_cycles}))."
            condition = "make no learning-rate scheduler"
            raise ValueError(message(OWNER, "configure_optimizers", condition, schedulers[0], remedy))
        return rider is None

    def start(self, trainer: "pl.Trainer", horizon: "Horizon", saved_base: "Sequence[Sequence[float]]") -> "CyclePlan":
        """Plan the cycles of this run, and follow them where rates are driven here; raises as ``plan_of`` does."""
        self._plan = self.plan(trainer, horizon)
        if self._option is not None:
            self._option.restore(saved_base)
        return self._plan

    def write(self, step: int, *, is_new: bool = True) -> None:
        """Set the rate for the next step; with ``is_new=False`` only if a group was added."""
        if self._option is not None and self._plan is not None and (is_new or self._option.has_new_groups(0)):
            self._option.write(0, self._plan.factor(step))

    def plan(self, trainer: "pl.Trainer", horizon: "Horizon") -> "CyclePlan":
        """Return when members are taken, whoever drives; raises as ``plan_of`` does."""
        rider = _rider(trainer) if self._is_cyclic else None
        warmup = self.warmup if rider is None else rider.warmup
        is_driven = self._is_cyclic and rider is None
        return plan_of(trainer, horizon, num_cycles=self.num_cycles, warmup=warmup, is_driven=is_driven)


def _rider(trainer: "pl.Trainer") -> ScheduleLR | None:
    callbacks: Sequence[object] = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    return next((callback for callback in callbacks if isinstance(callback, ScheduleLR)), None)


def _only(spec: "ScheduleSpec | Sequence[ScheduleSpec]") -> "ScheduleSpec | None":
    return spec if isinstance(spec, ScheduleSpec) else spec[0]
