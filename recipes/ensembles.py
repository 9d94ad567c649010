"""Ensembles at equal training budget: one model, snapshots of one run with and without cycles, and models apart.

``python -m recipes.ensembles`` trains a small ResNet on few scans of digits, every variant with every seed; with
``--data fashion_mnist``, on some of the images of that data set.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, stdev

from rich.console import Console
from rich.progress import track
from rich.table import Table

import lightning_regkit as rk
from recipes._ensemble_runs import Row, measure
from recipes._ensemble_tasks import DEFAULTS, Settings
from recipes._quiet import one_thread, without_chatter, without_known_warnings

__all__ = ["main", "tabulate"]


def tabulate(by_seed: Sequence[Sequence[Row]], settings: Settings) -> Table:
    """Lay out means over the seeds for a terminal."""
    size, epochs = f"{settings.train_size} training images", f"{settings.epochs} epochs a budget"
    title = f"{settings.data}: {size}, {epochs}, {settings.members} members"
    table = Table("variant", "budget", title=title)
    for heading in ("error %", "by seed", f"better than {by_seed[0][0][0]}", "last alone", "nll", "ece", "differ"):
        table.add_column(heading, justify="right")
    first = [_error(curve[-1]) for (_, _, curve), *_ in by_seed]
    for rows in zip(*by_seed, strict=True):
        name, budget, _ = rows[0]
        together = [curve[-1] for _, _, curve in rows]
        errors = [_error(row) for row in together]
        spread = f" ± {stdev(errors):.2f}" if len(errors) > 1 else ""
        wins = sum(error < other for error, other in zip(errors, first, strict=True))
        alone = fmean(_error(curve[0]) for _, _, curve in rows)
        means = (
            fmean(values) for values in zip(*((row.nll, row.ece, row.disagreement) for row in together), strict=True)
        )
        cells = [f"{fmean(errors):.2f}{spread}", " ".join(f"{error:.2f}" for error in errors)]
        cells += [f"{wins} of {len(errors)}", f"{alone:.2f}", *(f"{mean:.3f}" for mean in means)]
        table.add_row(name, f"{budget:g}", *cells)
    return table


def _error(row: rk.ensemble.CurveRow) -> float:
    return 100 * (1 - row.accuracy)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and print the table."""
    settings, console = _parse(arguments), Console()
    with one_thread(), without_chatter(), without_known_warnings():
        by_seed = [measure(seed, settings) for seed in track(range(settings.seeds), "seeds", console=console)]
    console.print(tabulate(by_seed, settings))


def _parse(arguments: Sequence[str] | None) -> Settings:
    parser = argparse.ArgumentParser("python -m recipes.ensembles", description=__doc__)
    parser.add_argument("--data", choices=list(DEFAULTS), default="digits", help="(default: %(default)s)")
    for name in ("seeds", "members", "epochs", "train_size"):
        defaults = ", ".join(f"{vars(settings)[name]} for {data}" for data, settings in DEFAULTS.items())
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"(default: {defaults})")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    return replace(DEFAULTS[given["data"]], **given)


if __name__ == "__main__":
    main()
