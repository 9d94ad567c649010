"""A picture of a curve."""

from importlib import import_module
from typing import TYPE_CHECKING

from lightning_regkit._checks import message
from lightning_regkit.crops._curve import ViewsRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_curve"]

INCHES = (6.0, 4.0)
#: From here on, times are whole milliseconds.
EXACT_MS = 10


def plot_curve(rows: tuple[ViewsRow, ...]) -> "Figure":
    """Draw accuracy against the number of views, with the milliseconds an image takes beside each point.

    Args:
        rows: What ``Tally.rows`` returned, at least one.

    Returns:
        A figure of its own, which pyplot does not know: ``figure.savefig("curve.png")``.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: ``rows`` is empty.

    Example:
        >>> figure = plot_curve((ViewsRow(1, 0.7, 0.9, 2.5), ViewsRow(10, 0.8, 0.6, 24.0)))
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['2.5 ms', '24 ms']
    """
    if not rows:
        raise ValueError(message("crops.plot_curve", "rows", "hold at least one", rows))
    try:
        figures = import_module("matplotlib.figure")
    except ModuleNotFoundError as error:
        raise ImportError("crops.plot_curve: matplotlib must be installed. Install it, or print the rows.") from error
    figure: Figure = figures.Figure(figsize=INCHES, layout="constrained")
    axes = figure.subplots()
    views, accuracies = zip(*((row.num_views, row.accuracy) for row in rows), strict=True)
    axes.plot(views, accuracies, marker="o")
    axes.set_xscale("log")
    axes.set_xticks(views, [str(number) for number in views], minor=False)
    axes.minorticks_off()
    for row in rows:
        point = (row.num_views, row.accuracy)
        time = f"{row.milliseconds:{'.2g' if row.milliseconds < EXACT_MS else '.0f'}} ms"
        axes.annotate(time, point, xytext=(4, -12), textcoords="offset points", fontsize=8)
    axes.set_xlabel("views, from the center outwards")
    axes.set_ylabel("accuracy")
    axes.margins(x=0.15, y=0.15)
    return figure
