"""Lines, bands and marks as Plotly reads them, in plain values that JSON can hold."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final, TypeAlias, final

from lightning_regkit.report._band import Band
from lightning_regkit.report._series import Series

__all__ = ["COLORS", "Style", "Trace", "band_traces", "line", "mark", "points"]

Trace: TypeAlias = dict[str, Any]

#: The accent first: most reports are of one configuration, or of two.
COLORS: Final = ("#1f5fa8", "#b3541e", "#3d7d4f", "#7d4f8a", "#666666", "#a8324a", "#2a8290", "#8a7420")
HOVER: Final = "step %{x:,}<br>%{y:.4~g}"


@final
@dataclass(frozen=True)
class Style:
    """How a curve looks, and what belongs to it.

    Args:
        name: Shown beside the pointer; whatever a file says.
        group: Which group of runs, from 0; chooses the color, and what is hidden with it.
        is_dotted: Whether it is of training.

    Example:
        >>> Style("val_loss", 0).color
        '#1f5fa8'
    """

    name: str
    group: int
    is_dotted: bool = False

    @property
    def color(self) -> str:
        """The color of the group; after eight they come again."""
        return COLORS[self.group % len(COLORS)]


def line(series: Series, style: Style) -> Trace:
    """Draw a line that the slider smooths.

    Args:
        series: One value for each step; what is not finite is a gap.
        style: How it looks.

    Returns:
        One trace.

    Example:
        >>> line(Series((1, 2), (0.5, float("nan"))), Style("loss", 0))["y"]
        [0.5, None]
    """
    look = {"color": style.color, "width": 1.4 if style.is_dotted else 2, "dash": "dot" if style.is_dotted else "solid"}
    mode = {"mode": "lines" if len(series.steps) > 1 else "markers", "line": look, "marker": {"color": style.color}}
    return _trace(series.steps, series.values, style, is_smoothed=True) | mode


def band_traces(band: Band, style: Style) -> list[Trace]:
    """Draw a band and the mean in it; the slider smooths all three.

    Args:
        band: The mean and its edges.
        style: How the mean looks.

    Returns:
        The lower edge, the upper edge filled down to it, and the mean.

    Example:
        >>> one = Series((1,), (0.5,))
        >>> [trace.get("fill") for trace in band_traces(Band(one, one, one), Style("loss", 0))]
        [None, 'tonexty', None]
    """
    edge = {"mode": "lines", "line": {"width": 0, "color": style.color}, "hoverinfo": "skip"}
    low, high = (_trace(each.steps, each.values, style, is_smoothed=True) | edge for each in (band.low, band.high))
    del low["hovertemplate"], high["hovertemplate"]  # they would be shown in spite of "skip"
    strength = 0.1 if style.is_dotted else 0.18
    return [low, high | {"fill": "tonexty", "fillcolor": _transparent(style.color, strength)}, line(band.mean, style)]


def mark(step: int, value: float, style: Style, text: str) -> Trace:
    """Mark the best point, over everything else.

    Args:
        step: Where it is.
        value: What it is.
        style: That of its curve.
        text: Said beside the pointer.

    Returns:
        One trace of one point.

    Example:
        >>> mark(2, 0.25, Style("val_loss", 0), "best, epoch 1")["x"]
        [2]
    """
    ring = {"size": 9, "color": "#ffffff", "line": {"width": 2.5, "color": style.color}}
    said = f"{escape(text, quote=False)}<br>{HOVER}<extra>%{{fullData.name}}</extra>"
    look = {"mode": "markers", "marker": ring, "hovertemplate": said, "zorder": 1}  # over all lines
    return _trace([step], [value], style) | look


def points(rows: Sequence[tuple[int, float, float]], style: Style) -> Trace:
    """Draw values over counts, with error bars.

    Args:
        rows: Count, value and its standard deviation over seeds; where all of these are 0 there are no bars.
        style: How it looks.

    Returns:
        One trace.

    Example:
        >>> points([(1, 0.5, 0.0), (2, 0.75, 0.0)], Style("ensemble", 0))["y"]
        [0.5, 0.75]
    """
    counts, means, spreads = zip(*rows, strict=True)
    bars = {"type": "data", "array": _numbers(spreads), "visible": any(spreads), "thickness": 1.2, "width": 3}
    look = {"mode": "lines+markers", "line": {"color": style.color, "width": 2}, "marker": {"size": 7}}
    said = "%{x}: %{y:.4~g}<extra>%{fullData.name}</extra>"
    return _trace(counts, means, style) | look | {"error_y": bars, "hovertemplate": said}


def _trace(steps: Iterable[int], values: Iterable[float], style: Style, *, is_smoothed: bool = False) -> Trace:
    return {
        "type": "scatter",
        "name": escape(style.name, quote=False),  # Plotly reads a few tags in names
        "x": list(steps),
        "y": _numbers(values),
        "showlegend": False,
        "meta": {"group": style.group, "smooth": is_smoothed},
        "hovertemplate": f"{HOVER}<extra>%{{fullData.name}}</extra>",
    }


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [float(f"{value:.7g}") if math.isfinite(value) else None for value in values]


def _transparent(color: str, strength: float) -> str:
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"
