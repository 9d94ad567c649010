"""What Optuna asks of a trial."""

import math

import optuna

from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._space import Space
from lightning_regkit.tuning._study import suggest
from lightning_regkit.tuning._trial import run_trial

__all__ = ["objective"]


def objective(trial: optuna.Trial, task: tuple[object, object], plan: tuple[Space, Budget], setup: Setup) -> float:
    """Run one trial and leave its curves in the storage.

    Args:
        trial: Of Optuna.
        task: The module, or what makes one; and its data.
        plan: The space and the budget.
        setup: Of the protocol.

    Returns:
        The monitored metric at its best.

    Raises:
        optuna.TrialPruned: It was ended early, or has no score that is finite.
    """
    space, budget = plan
    values = suggest(trial, space)

    def is_hopeless(epoch: int, score: float) -> bool:
        trial.report(score, epoch)
        return not math.isfinite(score) or (trial.should_prune() and epoch + 1 < budget.epochs)

    ended = run_trial(task, values, budget, setup, is_hopeless)
    trial.set_user_attr("curves", {name: [str(value) for value in curve] for name, curve in ended.curves.items()})
    trial.set_user_attr("scores", [str(score) for score in ended.scores])
    trial.set_user_attr("samples_per_second", ended.samples_per_second)
    finite = [score for score in ended.scores if math.isfinite(score)]
    if ended.is_pruned or not finite:
        raise optuna.TrialPruned
    return max(finite) if budget.mode == "max" else min(finite)
