"""A picture of a run that never runs."""

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from lightning_regkit.schedules._simulate import simulate
from lightning_regkit.schedules._spec import ScheduleSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]


def plot(
    spec: ScheduleSpec,
    *,
    total_steps: int,
    warmup: str | int = 0,
    start_factor: float | None = None,
    steps_per_epoch: int | None = None,
) -> "Axes":
    """Draw what ``simulate`` lists, into matplotlib's current axes: a second call adds a second curve.

    Args:
        spec: The shape; its ``repr`` labels the curve.
        total_steps: T, optimizer steps of the run, >= 1.
        warmup: Length of the warmup, as for ``simulate``.
        start_factor: Factor at step 0 of the warmup, as for ``simulate``.
        steps_per_epoch: Optimizer steps of an epoch, as for ``simulate``.

    Returns:
        The axes, with one more line of T + 1 points.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: An argument is of the wrong kind.
        ValueError: As for ``simulate``.
        UnknownTotalError: As for ``simulate``.

    Example:
        >>> import matplotlib
        >>> matplotlib.use("agg")
        >>> from lightning_regkit.schedules import Cosine
        >>> plot(Cosine(), total_steps=100, warmup="0.1run").get_ylabel()
        'factor of the base rate'
    """
    shape = partial(simulate, warmup=warmup, start_factor=start_factor)
    factors = shape(spec, total_steps=total_steps, steps_per_epoch=steps_per_epoch)
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ModuleNotFoundError as error:
        remedy = "Install it, or take the numbers of schedules.simulate."
        raise ImportError(f"schedules.plot: matplotlib must be installed. {remedy}") from error
    axes: Axes = pyplot.gca()
    axes.plot(range(total_steps + 1), factors, label=repr(spec))
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("factor of the base rate")
    axes.legend()
    return axes
