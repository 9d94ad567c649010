"""The main job: what a schedule, mixup and cutout do to the test error of a small ResNet on few real scans.

``python -m recipes quickstart`` trains every variant with every seed and says what came out. ``--noises`` compares
each noise alone instead.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from recipes._quiet import one_thread, without_chatter, without_known_warnings
from recipes.comparison import Run, draw, summarize, tabulate, write_csv
from recipes.runs import train
from recipes.variants import NOISES, VARIANTS, Settings, Variant

__all__ = ["main", "run_all"]


def run_all(variants: Sequence[Variant], settings: Settings, console: Console) -> list[Run]:
    """Train every variant with every seed, under one progress bar."""
    pairs = list(product(range(settings.seeds), variants))
    runs: list[Run] = []
    with one_thread(), without_chatter(), without_known_warnings(), Progress(console=console) as progress:
        task = progress.add_task("", total=len(pairs) * settings.epochs)
        for seed, variant in pairs:
            progress.update(task, description=f"{variant.name}, seed {seed}")
            runs += train(variant, seed, settings, lambda: progress.advance(task))
        progress.update(task, description="all runs")
    return runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison, write its files, print its table and where everything is."""
    settings, variants = _parse(arguments)
    console = Console()
    settings.out.mkdir(parents=True, exist_ok=True)
    runs = run_all(variants, settings, console)
    title = f"{settings.train_size} training scans, {settings.epochs} epochs each, seeds 0 to {settings.seeds - 1}"
    csv_file, picture = settings.out / "results.csv", settings.out / "quickstart.png"
    write_csv(runs, csv_file)
    draw(runs, title).savefig(picture, dpi=150)
    console.print(tabulate(summarize(runs), title))
    console.print(f"every run   {csv_file}", f"picture     {picture}", sep="\n", soft_wrap=True)
    console.print(f"all curves  tensorboard --logdir {settings.out / 'tensorboard'}", soft_wrap=True)
    console.print("one recipe  python -m recipes fit --config recipes/digits/regularized.yaml", soft_wrap=True)


def _parse(arguments: Sequence[str] | None) -> tuple[Settings, tuple[Variant, ...]]:
    parser = argparse.ArgumentParser("python -m recipes quickstart", description=__doc__)
    parser.add_argument("--seeds", type=int, default=Settings.seeds, help="how many (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=Settings.epochs, help="of each run (default: %(default)s)")
    parser.add_argument("--train-size", type=int, default=Settings.train_size, help="scans (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Settings.out, help="directory to write to (default: %(default)s)")
    parser.add_argument("--noises", action="store_true", help="compare each noise alone, with the schedule, instead")
    options = vars(parser.parse_args(arguments))
    variants = NOISES if options.pop("noises") else VARIANTS
    try:
        return Settings(**options), variants
    except ValueError as error:
        parser.error(str(error))
