"""A sentence about the curves of a run."""

from bisect import bisect_left
from importlib import import_module
from typing import Final

from lightning_regkit.report._band import mean_and_spread
from lightning_regkit.report._roles import Quantity, Role, Stage, average_of, role
from lightning_regkit.report._run import Run
from lightning_regkit.report._series import Series, thinned

__all__ = ["at_checks", "diagnose_run"]

CHECKS: Final = 200


def diagnose_run(run: Run) -> str:
    """Say what the losses and accuracies of a run show, by ``tuning.diagnose``.

    The curves are put on one clock, that of the validation loss, or without one that of the training loss, of at most
    200 checks: at each a curve has the mean of what it logged since the one before. Accuracies outside [0, 1] are left
    out.

    Args:
        run: What was logged; of several training losses the one of the shortest name is taken, and so of others.

    Returns:
        One or more sentences; an empty text where no training loss was logged.

    Example:
        >>> losses = Series(tuple(range(30)), tuple(2.3 * 0.8**epoch for epoch in range(30)))
        >>> diagnose_run(Run("a", {"train_loss": losses}))
        'Healthy: the loss falls, levels off, and the gap is small.'
    """
    losses, accuracies = (_both(run, quantity) for quantity in (Quantity.LOSS, Quantity.ACCURACY))
    if not losses[0].steps:
        return ""
    clock = thinned(losses[1] if losses[1].steps else losses[0], CHECKS)
    names = ("train_loss", "val_loss", "train_acc", "val_acc")
    curves = {
        name: at_checks(series, clock)
        for name, series in zip(names, (*losses, *accuracies), strict=True)
        if series.steps and (name.endswith("loss") or all(0 <= point.value <= 1 for point in series.finite))
    }
    steps = [step for step in clock.steps if all(step in curve for curve in curves.values())]
    if not steps:
        return ""
    tuning = import_module("lightning_regkit.tuning")
    values = {name: tuple(curve[step] for step in steps) for name, curve in curves.items()}
    return str(tuning.diagnose(tuning.Curves(**values)).sentence)


def at_checks(series: Series, clock: Series) -> dict[int, float]:
    """Take the mean of what was logged after one check until the next, with it.

    Args:
        series: What was logged.
        clock: Its steps are the checks.

    Returns:
        By check; none for a check since which nothing was logged. A mean of a value that is not finite is NaN.

    Example:
        >>> clock = Series((10, 20, 30), (0.0, 0.0, 0.0))
        >>> at_checks(Series((5, 10, 15, 40), (1.0, 3.0, 8.0, 9.0)), clock)
        {10: 2.0, 20: 8.0}
    """
    values: dict[int, list[float]] = {}
    for step, value in zip(series.steps, series.values, strict=True):
        index = bisect_left(clock.steps, step)
        if index < len(clock.steps):
            values.setdefault(clock.steps[index], []).append(value)
    return {check: mean_and_spread(logged)[0] for check, logged in values.items()}


def _both(run: Run, quantity: Quantity) -> tuple[Series, Series]:
    return _first(run, Role(quantity, Stage.TRAINING)), _first(run, Role(quantity, Stage.VALIDATION))


def _first(run: Run, wanted: Role) -> Series:
    names = [name for name in run.series if average_of(name) is None and role(name) == wanted]
    return run.series[min(names, key=len)] if names else Series((), ())
