"""One series of a group: a line, or a mean with a band."""

from dataclasses import dataclass
from typing import final

from lightning_regkit.report._band import Band, band
from lightning_regkit.report._groups import Group
from lightning_regkit.report._series import Point, Series, best_point, thinned

__all__ = ["Curve", "best_of", "curve_of", "drawn"]


@final
@dataclass(frozen=True)
class Curve:
    """What is drawn of one series.

    Args:
        lines: A line for each run; none where there is a band.
        band: The mean of the runs and its band.

    Example:
        >>> Curve((Series((1,), (0.5,)),)).band is None
        True
    """

    lines: tuple[Series, ...]
    band: Band | None = None

    @property
    def center(self) -> Series | None:
        """The one series that stands for all; None where runs have no steps in common."""
        if self.band is not None:
            return self.band.mean
        return self.lines[0] if len(self.lines) == 1 else None


def curve_of(group: Group, name: str) -> Curve:
    """Put together what the runs of a group logged under one name.

    Args:
        group: One run or several.
        name: As logged.

    Returns:
        A band of two runs or more that have steps in common, else a line for each run that has the series.

    Example:
        >>> from lightning_regkit.report import Run
        >>> group = Group("plain", (Run("plain/seed-0", {"loss": Series((1,), (0.5,))}),), ("0",))
        >>> curve_of(group, "loss").center
        Series(steps=(1,), values=(0.5,))
    """
    lines = tuple(run.series[name] for run in group.runs if name in run.series)
    found = band(lines) if len(lines) > 1 else None
    return Curve(()) if not lines else Curve((), found) if found and found.mean.steps else Curve(lines)


def best_of(curve: Curve, *, is_lower_better: bool) -> Point | None:
    """Find the best point of a line, or of the mean of a band.

    Args:
        curve: What is drawn.
        is_lower_better: Whether the smallest value is the best.

    Returns:
        The point; None where nothing is finite, or runs have no steps in common.

    Example:
        >>> best_of(Curve((Series((1, 2), (0.5, 0.25)),)), is_lower_better=True)
        Point(step=2, value=0.25)
    """
    return None if curve.center is None else best_point(curve.center, "min" if is_lower_better else "max")


def drawn(curve: Curve, limit: int) -> Curve:
    """Thin out every line to what can be seen.

    Args:
        curve: Of any length.
        limit: Points of a line, at most.

    Returns:
        The same, thinned.

    Example:
        >>> drawn(Curve((Series((1, 2), (0.5, 1.5)),)), 1)
        Curve(lines=(Series(steps=(2,), values=(1.0,)),), band=None)
    """
    lines = tuple(thinned(line, limit) for line in curve.lines)
    if curve.band is None:
        return Curve(lines)
    parts = (curve.band.mean, curve.band.low, curve.band.high)
    return Curve(lines, Band(*(thinned(part, limit) for part in parts)))
