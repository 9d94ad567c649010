"""Which plan a run gets: by its number of steps, or by its time limit."""

from typing import TYPE_CHECKING

from lightning_regkit._checks import message
from lightning_regkit._durations import steps
from lightning_regkit._lightning._time_limit import time_limit
from lightning_regkit.callbacks._cycle_plans import CountedPlan
from lightning_regkit.callbacks._cycle_settings import OWNER
from lightning_regkit.callbacks._timed_plan import TimedPlan
from lightning_regkit.ensemble import cycle_ends
from lightning_regkit.ensemble._timed_run import timed_run
from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import CyclicCosine, compose

if TYPE_CHECKING:
    from lightning_regkit._durations import Horizon
    from lightning_regkit._lightning import pl
    from lightning_regkit.callbacks._cycle_plans import CyclePlan

__all__ = ["plan_of"]


def plan_of(
    trainer: "pl.Trainer", horizon: "Horizon", *, num_cycles: int, warmup: int | str, is_driven: bool
) -> "CyclePlan":
    """Plan the cycles of a run.

    Args:
        trainer: In a fit, or before it.
        horizon: The length of the run in steps.
        num_cycles: M.
        warmup: Length of the warmup before the first.
        is_driven: Whether the rate follows them.

    Returns:
        A plan by time where there is a limit, and by steps elsewhere.

    Raises:
        UnknownTotalError: The run has neither a known length nor a time limit.
        ValueError: It is too short.
    """
    warmup_steps = steps(warmup, horizon, owner=OWNER, argument="warmup")
    total, limit_s = horizon.total_steps, time_limit(trainer)
    if limit_s is not None:
        return TimedPlan(timed_run(num_cycles, limit_s, warmup_steps=warmup_steps, bound=total))
    if total is None:
        remedy = "Pass max_steps= or max_time= to the Trainer, or max_epochs= with limit_train_batches=."
        raise UnknownTotalError(message(OWNER, "the run", "have a known number of steps", None, remedy))
    schedule = compose(CyclicCosine(num_cycles), horizon, warmup=warmup) if is_driven else None
    return CountedPlan(cycle_ends(total, num_cycles, warmup_steps), schedule)
