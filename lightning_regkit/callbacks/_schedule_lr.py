"""A learning-rate schedule for any LightningModule, in optimizer steps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from lightning_regkit._lightning import (
    attached_schedulers,
    check_total_steps,
    given_horizons,
    group_options,
    is_among,
    refuse_rivals,
    refuse_schedulers,
)
from lightning_regkit.callbacks._curves import Curves
from lightning_regkit.callbacks._driven_run import DrivenRun
from lightning_regkit.callbacks._specs import OWNER, Specs, listed_count
from lightning_regkit.schedules import Plateau, ScheduleSpec

if TYPE_CHECKING:
    from lightning_regkit._lightning import Plan

__all__ = ["ScheduleLR"]


@final
class ScheduleLR(DrivenRun):
    """Drive the learning rate of every parameter group: its base rate times the schedule's factor at each step.

    Time is counted in optimizer steps: accumulation, devices, steps that mixed precision skips, L-BFGS closures and
    manual optimization leave the curve as declared. ``LearningRateMonitor`` reads the rate in use, in any order.
    Reads base values in ``on_fit_start``; prints its plan and writes ``param_groups[i]["lr"]`` in ``on_train_start``
    and after each step, the same on every rank. Saves the steps done; on resume the code's settings win, as it says.

    Args:
        spec: The shape, such as ``Cosine()`` or ``Milestones(["30ep", "60ep"])``; or a list, one for each optimizer.
        warmup: Length of a linear warmup in front of it: ``"5ep"``, ``"500step"``, ``"0.05run"``; 0 for none.
        momentum: Shape of the momentum, or first beta, of every group, over the whole run, or a list, one for each
            optimizer; None leaves it alone.
        weight_decay: The same for the weight decay of every group.
        plateau: When a metric stops improving, lowers all rates of the schedule; None never does.
        start_factor: Where the warmup starts, in [0, 1] of its end; None means 1 / warmup steps: no step is wasted.
        total_steps: Steps of the run (a list: of each optimizer) where manual optimization does not step once a batch;
            None takes the Trainer's own bounds.
        replace_existing: Whether schedulers made by ``configure_optimizers`` are taken out of the run, not refused.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range, here or in this run; or another scheduler drives the rates.
        RuntimeError: In fit, something else writes what this drives.
        UnknownTotalError: In fit, the schedule needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> schedule = rk.callbacks.ScheduleLR(rk.schedules.Cosine(), warmup="5ep")  # Trainer(callbacks=[schedule])

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2 (warmup that moves every iteration).
    """

    def __init__(
        self,
        spec: ScheduleSpec | Sequence[ScheduleSpec],
        warmup: int | str = 0,
        *,
        momentum: Specs | None = None,
        weight_decay: Specs | None = None,
        plateau: Plateau | None = None,
        start_factor: float | None = None,
        total_steps: int | Sequence[int] | None = None,
        replace_existing: bool = False,
    ) -> None:
        total = check_total_steps(OWNER, total_steps)
        curves = Curves(spec, warmup, start_factor, total, momentum, weight_decay, plateau)
        super().__init__(curves, replace_existing=replace_existing)
        self.spec, self.warmup, self.start_factor, self.total_steps = spec, warmup, start_factor, total
        self.momentum, self.weight_decay, self.plateau = momentum, weight_decay, plateau
        self.replace_existing = replace_existing

    def explain(self, plan: "Plan") -> str:
        """Return the table that is printed before the first step.

        Args:
            plan: A fit that has not begun.

        Returns:
            Lines of a name and what it is; of several optimizers that differ, a table each. Rates are there where the
            optimizers are known and no LearningRateFinder will set others.

        Raises:
            ValueError: The run would be refused: the curves do not fit into it, or its optimizers do not suit.
            UnknownTotalError: A curve needs a length that the run does not have.
        """
        refuse_rivals(OWNER, plan.trainer, self)
        if not self.replace_existing:
            refuse_schedulers(OWNER, attached_schedulers(plan.optimizers))
        total = self.total_steps
        count = len(plan.optimizers) or listed_count(self.spec, self.momentum, self.weight_decay, total)
        options = group_options(OWNER, self._curves.rows(count), plan.optimizers) if plan.optimizers else {}
        is_found_later = is_among(plan.trainer, "LearningRateFinder")
        bases = options["lr"].base if options and not is_found_later else []
        horizons = [plan.horizons[0] for _ in range(count)] if total is None else given_horizons(OWNER, total, count)
        is_trial = bool(plan.trainer.fast_dev_run)  # type: ignore[attr-defined]  # set by Trainer.__init__
        return self._curves.lay_out(horizons, bases, is_trial=is_trial)[0]
