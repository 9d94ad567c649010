"""What came out of several runs of several variants: a table, a CSV file, a picture. Knows nothing of training."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

__all__ = ["Row", "Run", "draw", "summarize", "tabulate", "write_csv"]

COLUMNS = ("variant", "seed", "test_error_percent")
PERCENT_TICKS = (5, 10, 20, 50, 100)


@final
@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        variant: Name of what was trained.
        seed: Its seed.
        test_error: Wrong test images, in percent.
        rates: Learning rate of each step; none where nothing was trained.
        val_errors: Wrong validation images after each epoch, in percent.
    """

    variant: str
    seed: int
    test_error: float
    rates: tuple[float, ...] = field(default=(), repr=False)
    val_errors: tuple[float, ...] = field(default=(), repr=False)


@final
@dataclass(frozen=True)
class Row:
    """One line of the table: test errors of a variant in percent, by seed, and how often it beat the first variant."""

    variant: str
    errors: tuple[float, ...]
    wins: int

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return fmean(self.errors)

    @property
    def sd(self) -> float | None:
        """Standard deviation over the seeds, with n - 1; None for one seed."""
        return stdev(self.errors) if len(self.errors) > 1 else None


def summarize(runs: Sequence[Run]) -> tuple[Row, ...]:
    """Gather runs into one row a variant, in order of first appearance.

    Args:
        runs: Runs of all variants with the same seeds, in the same order of seeds.

    Returns:
        Rows; ``wins`` counts the seeds with a lower error than the first variant's with that seed.

    Example:
        >>> rows = summarize([Run("plain", 0, 9.0), Run("plain", 1, 11.0), Run("mixup", 0, 8.0), Run("mixup", 1, 12.0)])
        >>> [(row.variant, row.mean, row.wins) for row in rows]
        [('plain', 10.0, 0), ('mixup', 10.0, 1)]
    """
    errors = {name: _errors(runs, name) for name in dict.fromkeys(run.variant for run in runs)}
    first = next(iter(errors.values()), {})
    return tuple(
        Row(name, tuple(by_seed.values()), sum(error < first[seed] for seed, error in by_seed.items()))
        for name, by_seed in errors.items()
    )


def _errors(runs: Sequence[Run], variant: str) -> dict[int, float]:
    return {run.seed: run.test_error for run in runs if run.variant == variant}


def tabulate(rows: Sequence[Row], title: str) -> Table:
    """Lay rows out for a terminal."""
    table = Table("variant", title=title)
    table.add_column("test error %, mean ± sd", justify="right", no_wrap=True)
    table.add_column("by seed", justify="right")
    table.add_column(f"better than {rows[0].variant}", justify="right", no_wrap=True)
    for row in rows:
        spread = "" if row.sd is None else f" ± {row.sd:.2f}"
        better = "" if row is rows[0] else f"{row.wins} of {len(row.errors)} seeds"
        table.add_row(row.variant, f"{row.mean:.2f}{spread}", " ".join(f"{error:.2f}" for error in row.errors), better)
    return table


def write_csv(runs: Sequence[Run], path: Path) -> None:
    """Write one line a run; the file can be read back without loss."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((run.variant, run.seed, run.test_error) for run in runs)


def draw(runs: Sequence[Run], title: str) -> Figure:
    """Draw the learning rate of each step and the validation error after each epoch.

    Args:
        runs: Runs with their curves; those of one variant share a color, and its mean is the thick line. Variants
            without curves are left out.
        title: Title of the figure.

    Returns:
        A figure that belongs to no window; write it with ``savefig``.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    rate_axes, error_axes = figure.subplots(1, 2)
    rate_axes.set(xlabel="optimizer step", ylabel="learning rate")
    error_axes.set(xlabel="epoch", ylabel="validation error %", yscale="log")
    for index, variant in enumerate(dict.fromkeys(run.variant for run in runs if run.rates)):
        chosen = [run for run in runs if run.variant == variant]
        _curves(rate_axes, [run.rates for run in chosen], 0, f"C{index}", variant)
        _curves(error_axes, [run.val_errors for run in chosen], 1, f"C{index}", variant)
    error_axes.set_yticks(PERCENT_TICKS, labels=[str(percent) for percent in PERCENT_TICKS])
    error_axes.minorticks_off()
    rate_axes.legend()
    return figure


def _curves(axes: Axes, curves: Sequence[Sequence[float]], start: int, color: str, label: str) -> None:
    for curve in curves:
        axes.plot(range(start, start + len(curve)), curve, color=color, linewidth=0.6, alpha=0.4)
    mean = [fmean(values) for values in zip(*curves, strict=True)]
    axes.plot(range(start, start + len(mean)), mean, color=color, linewidth=2, label=label)
