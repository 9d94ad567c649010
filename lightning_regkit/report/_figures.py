"""The figures of a report as plain values: what Plotly draws, and what stands above it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from lightning_regkit.report._averages import KINDS, Averaged, averaged, title_of
from lightning_regkit.report._curves import Curve, best_of, curve_of, drawn
from lightning_regkit.report._groups import Group
from lightning_regkit.report._roles import Quantity, Stage, average_of, role
from lightning_regkit.report._traces import Style, Trace, band_traces, line, mark, points

__all__ = ["Figure", "figures"]

#: Of how many points a line is drawn at most: in a figure that is looked at first, and in any other.
DRAWN_POINTS: Final = 2_000
OTHER_POINTS: Final = 500


@final
@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        section: Where it stands: ``"curves"``, ``"schedule"``, ``"averages"`` or ``"other"``.
        title: Its heading; whatever a file says.
        plot: ``data`` and ``layout`` of Plotly, in plain values that JSON can hold.

    Example:
        >>> Figure("curves", "Loss", {"data": [], "layout": {}}).title
        'Loss'
    """

    section: str
    title: str
    plot: Mapping[str, Any]


def figures(groups: Sequence[Group]) -> tuple[Figure, ...]:
    """Draw everything that was logged.

    Args:
        groups: Of runs; each has a color.

    Returns:
        Loss and accuracy, the schedule, averages at test, and a figure for every other series; only those of which
        there is something to see.

    Example:
        >>> from lightning_regkit.report import Run, Series
        >>> run = Run("a", {"val_loss": Series((1, 2), (0.5, 0.25)), "lr-SGD": Series((1, 2), (0.1, 0.0))})
        >>> [(figure.section, figure.title) for figure in figures([Group("a", (run,), ("",))])]
        [('curves', 'Loss'), ('schedule', 'Learning rate')]
    """
    return (*_curves(groups), *_schedule(groups), *_averages(groups), *_others(groups))


def _curves(groups: Sequence[Group]) -> Iterator[Figure]:
    for quantity in (Quantity.LOSS, Quantity.ACCURACY):
        traces = _with_role(groups, quantity)
        if traces:
            yield Figure("curves", quantity.capitalize(), _plot(traces, {}, loss=quantity is Quantity.LOSS))


def _schedule(groups: Sequence[Group]) -> Iterator[Figure]:
    for quantity in (Quantity.RATE, Quantity.MOMENTUM, Quantity.WEIGHT_DECAY):
        traces = _with_role(groups, quantity)
        if traces:
            yield Figure("schedule", quantity.capitalize(), _plot(traces, {}, smooth=False))


def _averages(groups: Sequence[Group]) -> Iterator[Figure]:
    panels: dict[tuple[str, int | None, str], list[Averaged]] = {}
    for found in averaged(groups):
        panels.setdefault((found.kind, found.loader, found.measure), []).append(found)
    for (kind, loader, measure), parts in panels.items():
        traces = [points(part.rows, Style(groups[part.group].label, part.group)) for part in parts]
        counts = sorted({count for part in parts for count, _, _ in part.rows})
        ticks = {"type": "log", "tickvals": counts, "ticktext": [str(count) for count in counts]}
        axis = {"title": {"text": KINDS[kind][1]}, **ticks}
        yield Figure("averages", title_of(kind, measure, loader), _plot(traces, axis, smooth=False))


def _others(groups: Sequence[Group]) -> Iterator[Figure]:
    names = dict.fromkeys(name for group in groups for name in _names(group))
    for name in names:
        if name.rpartition("/")[2] != "epoch" and role(name) is None and average_of(name) is None:
            traces = [
                trace
                for number, group in enumerate(groups)
                for trace in _traces(curve_of(group, name), Style(f"{group.label}: {name}", number), OTHER_POINTS)
            ]
            yield Figure("other", name, _plot(traces, {}))


def _with_role(groups: Sequence[Group], quantity: Quantity) -> list[Trace]:
    """Draw every series of one quantity, but for those of tests, which are points."""
    traces: list[Trace] = []
    for number, group in enumerate(groups):
        for name in _names(group):
            found = None if average_of(name) else role(name)
            if found is not None and found.quantity is quantity and found.stage is not Stage.TEST:
                style = Style(f"{group.label}: {name}", number, is_dotted=found.stage is Stage.TRAINING)
                curve = curve_of(group, name)
                traces += _traces(curve, style, DRAWN_POINTS)
                if found.stage is Stage.VALIDATION:
                    traces += _mark(group, curve, style, is_lower_better=quantity is Quantity.LOSS)
    return traces


def _traces(curve: Curve, style: Style, limit: int) -> list[Trace]:
    thin = drawn(curve, limit)
    return [line(series, style) for series in thin.lines] if thin.band is None else band_traces(thin.band, style)


def _mark(group: Group, curve: Curve, style: Style, *, is_lower_better: bool) -> list[Trace]:
    best = best_of(curve, is_lower_better=is_lower_better)
    if best is None:
        return []
    epoch = group.runs[0].epoch_at(best.step)
    return [mark(best.step, best.value, style, "best" if epoch is None else f"best, epoch {epoch}")]


def _names(group: Group) -> list[str]:
    return list(dict.fromkeys(name for run in group.runs for name in run.series))


def _plot(traces: list[Trace], x_axis: Mapping[str, Any], *, loss: bool = False, smooth: bool = True) -> dict[str, Any]:
    """Put traces together with what the page asks of them: whether they are losses, smoothed, and over steps."""
    axis = {"title": {"text": "step"}, **x_axis}
    meta = {"loss": loss, "smooth": smooth, "steps": not x_axis}
    return {"data": traces, "layout": {"xaxis": axis, "meta": meta}}
