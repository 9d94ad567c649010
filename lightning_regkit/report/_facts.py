"""What a group of runs achieved, in a few words each."""

import math
from collections.abc import Iterator
from itertools import chain

from lightning_regkit.report._band import mean_and_spread
from lightning_regkit.report._curves import best_of, curve_of
from lightning_regkit.report._groups import Group
from lightning_regkit.report._roles import Quantity, Stage, average_of, role
from lightning_regkit.report._series import Series

__all__ = ["facts"]


def facts(group: Group) -> tuple[tuple[str, str], ...]:
    """Say how far a group was logged, its best validation, its test, and what is not finite.

    Args:
        group: One run or several; of several the best is that of their mean.

    Returns:
        Pairs of what and how much.

    Example:
        >>> from lightning_regkit.report import Run
        >>> series = {"val_loss": Series((9, 19), (0.5, 0.25)), "epoch": Series((9, 19), (0.0, 1.0))}
        >>> facts(Group("a", (Run("a", series),), ("",)))
        (('logged until', 'step 19, epoch 1'), ('best val_loss', '0.25 at step 19, epoch 1'))
    """
    names = dict.fromkeys(chain.from_iterable(run.series for run in group.runs))
    parts = (part(group, name) for part in (_validated, _tested, _not_finite) for name in names)
    return (*_length(group), *chain.from_iterable(parts))


def _length(group: Group) -> Iterator[tuple[str, str]]:
    ends = {max(series.steps[-1] for series in run.series.values()) for run in group.runs if run.series}
    if not ends:
        yield "logged until", "nothing was logged"
    elif len(ends) == 1:
        yield "logged until", _when(group, ends.pop())
    else:
        yield "logged until", f"step {min(ends):,} to {max(ends):,}"


def _validated(group: Group, name: str) -> Iterator[tuple[str, str]]:
    found = None if average_of(name) else role(name)
    if found is None or found.stage is not Stage.VALIDATION:
        return
    best = best_of(curve_of(group, name), is_lower_better=found.quantity is Quantity.LOSS)
    if best is not None:
        yield f"best {name}", f"{best.value:.4g} at {_when(group, best.step)}"


def _tested(group: Group, name: str) -> Iterator[tuple[str, str]]:
    found = None if average_of(name) else role(name)
    if found is not None and found.stage is Stage.TEST:
        last = [run.series[name].values[-1] for run in group.runs if name in run.series]
        mean, spread = mean_and_spread(last)
        yield name, f"{mean:.4g}" if len(last) == 1 else f"{mean:.4g} ± {spread:.2g}"


def _not_finite(group: Group, name: str) -> Iterator[tuple[str, str]]:
    for run in group.runs:
        series = run.series.get(name, Series((), ()))
        bad = [step for step, value in zip(series.steps, series.values, strict=True) if not math.isfinite(value)]
        if bad:
            what = name if len(group.runs) == 1 else f"{name} of {run.name}"
            yield what, f"{len(bad):,} of {len(series.steps):,} values are not finite, the first at step {bad[0]:,}"


def _when(group: Group, step: int) -> str:
    epoch = group.runs[0].epoch_at(step)
    return f"step {step:,}" if epoch is None else f"step {step:,}, epoch {epoch}"
