"""Ensembles at equal training budget: one model, snapshots of one run with and without cycles, and models apart.

``python -m recipes.ensembles`` trains a small ResNet on few scans of digits, every variant with every seed.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Final, final

import lightning.pytorch as pl
from rich.console import Console
from rich.table import Table

import lightning_regkit as rk
from recipes._quiet import one_thread, without_chatter, without_known_warnings
from recipes.classifier import ImageClassifier
from recipes.data import DigitsData
from recipes.data.digits import NUM_CLASSES

__all__ = ["Settings", "main", "measure", "tabulate"]

CurveRow = rk.ensemble.CurveRow
Curve = tuple[CurveRow, ...]
Row = tuple[str, float, Curve]

#: Models apart have seeds s, s + 100, ... and the split of s, or they would know each other's test scans.
SPLITS: Final = 100


@final
@dataclass(frozen=True)
class Settings:
    """What all runs share: seeds, members of an ensemble, epochs of one budget, training scans, peak rate."""

    seeds: int = 3
    members: int = 5
    epochs: int = 60
    train_size: int = 100
    lr: float = 0.1


def _trained(seed: int, epochs: int, settings: Settings, callbacks: list[pl.Callback]) -> tuple[pl.Trainer, DigitsData]:
    pl.seed_everything(seed, verbose=False)
    optimizer = {"name": "momentum", "lr": settings.lr, "weight_decay": 5e-4}
    model = ImageClassifier("resnet20_small", NUM_CLASSES, optimizer, model_options={"in_chans": 1})
    data = DigitsData(train_size=settings.train_size, batch_size=25, seed=seed % SPLITS)
    trainer = _trainer(epochs, callbacks)
    trainer.fit(model, data)
    return trainer, data


def _trainer(epochs: int, callbacks: list[pl.Callback]) -> pl.Trainer:
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=epochs,
        callbacks=callbacks,
        logger=False,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _snapshots(seed: int, settings: Settings, control: str | None, folder: Path) -> Curve:
    callback = rk.callbacks.SnapshotEnsemble(settings.members, folder / str(control), control=control)
    ordinary = [rk.callbacks.ScheduleLR(rk.schedules.Cosine())] if control == "no_cycle" else []
    trainer, data = _trained(seed, settings.epochs, settings, [*ordinary, callback])
    trainer.test(trainer.lightning_module, data, verbose=False)
    return callback.curve


def _apart(seed: int, settings: Settings, epochs: int, folder: Path) -> Curve:
    paths = [folder / f"{epochs}-{index}.ckpt" for index in range(settings.members)]
    for index, path in enumerate(paths):
        schedule = rk.callbacks.ScheduleLR(rk.schedules.Cosine())
        trainer, data = _trained(seed + SPLITS * index, epochs, settings, [schedule])
        trainer.save_checkpoint(path)
    callback = rk.callbacks.EnsembleCheckpoints(paths)
    _trainer(1, [callback]).test(trainer.lightning_module, data, verbose=False)
    return callback.curve


def measure(seed: int, settings: Settings) -> list[Row]:
    """Train and test every variant with one seed.

    Args:
        seed: Decides the split, the initial weights and the order.
        settings: What all runs share.

    Returns:
        Name, training budget and curve of each; ``single`` is the last member of the run without
        cycles: one model, a whole budget, one cosine.
    """
    rows: list[Row] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        plain = _snapshots(seed, settings, "no_cycle", folder)
        rows += [("single", 1.0, plain[:1]), ("no cycle", 1.0, plain)]
        for title, control in (("single cycle", "single_cycle"), ("snapshot", None)):
            rows.append((title, 1.0, _snapshots(seed, settings, control, folder)))
        short = max(settings.epochs // settings.members, 1)
        rows.append(("apart, one budget in all", 1.0, _apart(seed, settings, short, folder)))
        long = _apart(seed, settings, settings.epochs, folder)
        rows.append(("apart, a budget each", float(settings.members), long))
    return rows


def tabulate(by_seed: Sequence[Sequence[Row]], settings: Settings) -> Table:
    """Lay out means over the seeds for a terminal."""
    title = f"{settings.train_size} scans, {settings.epochs} epochs a budget, {settings.members} members"
    table = Table("variant", "budget", title=title)
    for heading in ("error %", "by seed", "last alone", "nll", "ece", "differ"):
        table.add_column(heading, justify="right")
    for rows in zip(*by_seed, strict=True):
        name, budget, _ = rows[0]
        curves = [curve for _, _, curve in rows]
        errors = [100 * (1 - curve[-1].accuracy) for curve in curves]
        spread = f" ± {stdev(errors):.2f}" if len(errors) > 1 else ""
        means = [
            fmean(values) for values in zip(*((c[-1].nll, c[-1].ece, c[-1].disagreement) for c in curves), strict=True)
        ]
        alone = 100 * (1 - fmean(curve[0].accuracy for curve in curves))
        seeds = " ".join(f"{error:.2f}" for error in errors)
        cells = [f"{fmean(errors):.2f}{spread}", seeds, f"{alone:.2f}", *(f"{mean:.3f}" for mean in means)]
        table.add_row(name, f"{budget:g}", *cells)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser("python -m recipes.ensembles", description=__doc__)
    for name, value in vars(Settings()).items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=type(value), default=value, help="(default: %(default)s)"
        )
    settings, console = Settings(**vars(parser.parse_args(arguments))), Console()
    with one_thread(), without_chatter(), without_known_warnings():
        by_seed = [measure(seed, settings) for seed in range(settings.seeds)]
    console.print(tabulate(by_seed, settings))


if __name__ == "__main__":
    main()
