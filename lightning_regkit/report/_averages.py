"""What averages at test achieved, by how many members or views: a table for each kind and loader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from lightning_regkit.report._band import mean_and_spread
from lightning_regkit.report._groups import Group
from lightning_regkit.report._roles import average_of
from lightning_regkit.report._run import Run

__all__ = ["KINDS", "Averaged", "averaged", "title_of"]

KINDS: Final = {"ensemble": ("Ensemble", "members"), "multicrop": ("Views", "views")}


@final
@dataclass(frozen=True)
class Averaged:
    """One measure of one average, of the runs of a group.

    Args:
        group: Which group, from 0.
        kind: ``"ensemble"`` or ``"multicrop"``.
        loader: Which of several loaders; None if there was one.
        measure: What was measured, such as ``"accuracy"``.
        rows: Number of members or views, the mean over runs, and their standard deviation, 0 for one run.

    Example:
        >>> Averaged(0, "ensemble", None, "nll", ((1, 0.5, 0.0), (2, 0.4, 0.0))).rows[1]
        (2, 0.4, 0.0)
    """

    group: int
    kind: str
    loader: int | None
    measure: str
    rows: tuple[tuple[int, float, float], ...]


def averaged(groups: Sequence[Group]) -> tuple[Averaged, ...]:
    """Collect the last values of what ``SnapshotEnsemble``, ``EnsembleCheckpoints`` and ``MultiCrop`` logged.

    Args:
        groups: Of runs.

    Returns:
        One for each measure, of the groups in order; the counts rise.

    Example:
        >>> from lightning_regkit.report import Run, Series
        >>> run = Run("a", {f"ensemble/accuracy_last_{m}": Series((9,), (1 - 0.5**m,)) for m in (2, 1)})
        >>> averaged([Group("a", (run,), ("",))])[0].rows
        ((1, 0.5, 0.0), (2, 0.75, 0.0))
    """
    found = []
    for number, group in enumerate(groups):
        cells: dict[tuple[str, int | None, str], dict[int, list[float]]] = {}
        for run in group.runs:
            _collect(run, cells)
        for (kind, loader, measure), counts in cells.items():
            rows = tuple((count, *mean_and_spread(values)) for count, values in sorted(counts.items()))
            found.append(Averaged(number, kind, loader, measure, rows))
    return tuple(found)


def title_of(kind: str, measure: str, loader: int | None) -> str:
    """Say what a figure or table of one measure shows."""
    where = "" if loader is None else f", loader {loader}"
    return f"{KINDS[kind][0]}: {measure}{where}"


def _collect(run: Run, cells: dict[tuple[str, int | None, str], dict[int, list[float]]]) -> None:
    for name, series in run.series.items():
        average = average_of(name)
        if average is not None:
            key = (average.kind, average.loader, average.measure)
            cells.setdefault(key, {}).setdefault(average.count, []).append(series.values[-1])
