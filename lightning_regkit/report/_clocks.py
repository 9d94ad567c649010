"""What else a run can be drawn over: epochs done, samples and seconds, as functions of the step."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from lightning_regkit.report._groups import Group
from lightning_regkit.report._run import Run
from lightning_regkit.report._series import Series

__all__ = ["AXES", "axes_of", "clocks", "plain_clocks"]

#: What curves can be drawn over besides steps, and what is written below them.
AXES: Final = {"epochs": "epochs done", "samples": "samples", "seconds": "seconds"}
#: What ``CommandCenter`` calls them, and the step at which it logs a row over each.
LOGGED: Final[dict[str, tuple[str, Callable[[float], int]]]] = {
    "epochs": ("epoch", lambda value: math.floor(round(1000 * value, 6))),
    "samples": ("samples", math.floor),
    "seconds": ("seconds", math.floor),
}
MOST: Final = 500


def clocks(run: Run) -> dict[str, Series]:
    """Read what a run was at which step: from ``CommandCenter``; epochs also from what Lightning logs with every row.

    Rows that ``CommandCenter(x_axis=...)`` logged over another axis than steps say nothing about steps. In Lightning's
    logs an epoch is taken to be done at the last step that was logged in it.

    Args:
        run: What was logged.

    Returns:
        By axis, those that are known: values that never fall, 0 before the first step.

    Example:
        >>> clocks(Run("a", {"epoch": Series((4, 9, 14, 19), (0, 0, 1, 1))}))
        {'epochs': Series(steps=(-1, 9, 19), values=(0.0, 1.0, 2.0))}
    """
    found = _of_lightning(run)
    for name in run.series:
        prefix, _, last = name.rpartition("/")
        if prefix and last == "samples":
            found |= _of_center(run, prefix)
    begun = {axis: _from_zero(series) for axis, series in found.items()}
    return {axis: series for axis, series in begun.items() if len(series.steps) > 1}


def axes_of(groups: Sequence[Group]) -> list[str]:
    """List the axes that every group knows of which anything was logged.

    Args:
        groups: Of runs.

    Returns:
        Some of ``AXES``.

    Example:
        >>> axes_of([Group("a", (Run("a", {"epoch": Series((1,), (0,))}),), ("",)), Group("b", (Run("b", {}),), ("",))])
        ['epochs']
    """
    known = [clocks(group.runs[0]) for group in groups if any(run.series for run in group.runs)]
    return [axis for axis in AXES if known and all(axis in each for each in known)]


def plain_clocks(group: Group) -> dict[str, Any]:
    """Write the clocks of a group, which are those of its first run, in plain values: steps ``x`` and values ``y``."""
    return {
        axis: {"x": series.steps, "y": [float(f"{value:.7g}") for value in series.values]}
        for axis, series in clocks(group.runs[0]).items()
    }


def _of_lightning(run: Run) -> dict[str, Series]:
    ends: dict[float, int] = {}
    for point in run.series["epoch"].finite if "epoch" in run.series else ():
        ends[point.value] = point.step
    return {"epochs": Series(tuple(ends.values()), tuple(epoch + 1 for epoch in ends))}


def _of_center(run: Run, prefix: str) -> dict[str, Series]:
    logged = {axis: run.series.get(f"{prefix}/{name}", Series((), ())) for axis, (name, _) in LOGGED.items()}
    for axis, series in logged.items():
        steps = [LOGGED[axis][1](point.value) for point in series.finite]
        if len(series.steps) > 1 and steps == list(series.steps):
            return {}
    return {axis: series for axis, series in logged.items() if series.steps}


def _from_zero(series: Series) -> Series:
    """Begin with 0 before the first step, leave out what falls, and all but 500 points."""
    points = [(-1, 0.0)]
    for point in series.finite:
        if point.step > points[-1][0] and point.value >= points[-1][1]:
            points.append((point.step, float(point.value)))
    every = math.ceil(len(points) / MOST)
    kept = points[:1] + points[:0:-every][::-1]
    return Series(tuple(step for step, _ in kept), tuple(value for _, value in kept))
