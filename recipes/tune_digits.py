"""What the protocol is worth on digits: its rate and decay against those of the quickstart.

``python -m recipes.tune_digits --seeds 5`` goes through the seven steps on the split of another seed, trains with what
they found and as the plain row of the quickstart does, on the same splits and from the same weights, and prints the
difference of the test errors with its 95 % interval.
"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Final

import lightning.pytorch as pl
from rich.console import Console

import lightning_regkit as rk
from recipes._quiet import one_thread, without_chatter, without_known_warnings
from recipes.classifier import ImageClassifier
from recipes.comparison import Run, summarize, tabulate
from recipes.data import DigitsData
from recipes.data.digits import NUM_CLASSES
from recipes.variants import BATCH_SIZE, VARIANTS

__all__ = ["chosen", "interval", "main", "network", "trained_error"]

#: Split and weights that the protocol sees; none of the seeds that are compared.
TUNING_SEED: Final = 1000
BASELINE: Final = {"lr": VARIANTS[0].lr, "weight_decay": 5e-4}
#: 97.5 % quantiles of Student's t by degrees of freedom, 1 to 10; 1.96 is its limit.
QUANTILES: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


def network(seed: int, lr: float, weight_decay: float) -> ImageClassifier:
    """Make the network of the quickstart, from the weights of a seed."""
    pl.seed_everything(seed, verbose=False)
    optimizer = {"name": "momentum", "lr": lr, "weight_decay": weight_decay}
    return ImageClassifier("resnet20_small", NUM_CLASSES, optimizer, model_options={"in_chans": 1})


def chosen(out: Path, coarse: rk.tuning.Budget, refined: rk.tuning.Budget, console: Console) -> dict[str, float]:
    """Go through the protocol, and return the rate and the decay of its best refined trial.

    Raises:
        RuntimeError: It ended before there was one.
    """
    module = network(TUNING_SEED, **BASELINE)
    data = DigitsData(batch_size=BATCH_SIZE, seed=TUNING_SEED)
    setup = rk.tuning.Setup(out, trainer={"accelerator": "cpu"})
    best: dict[str, float] = {}
    for done in rk.tuning.Protocol(module, data, coarse, refined, setup).run(1):
        console.print(f"{done.step} {done.title}: {done.cause}\n  {done.sentence}", soft_wrap=True, highlight=False)
        if done.best:
            best = {name: float(str(done.best[name])) for name in BASELINE}
    if not best:
        raise RuntimeError("tune_digits: the protocol ended before it found a rate.")
    return best


def trained_error(seed: int, lr: float, weight_decay: float, epochs: int) -> float:
    """Train on the split of a seed at a constant rate, and return the test error in percent."""
    module = network(seed, lr, weight_decay)
    data = DigitsData(batch_size=BATCH_SIZE, seed=seed)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data)
    (metrics,) = trainer.test(module, data, verbose=False)
    return 100 * (1 - metrics["test_acc"])


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of paired differences and the ends of its 95 % interval, by Student's t.

    Args:
        differences: At least two.

    Example:
        >>> tuple(round(value, 3) for value in interval([1.0, 2.0, 3.0]))
        (2.0, -0.484, 4.484)
    """
    freedom = len(differences) - 1
    quantile = QUANTILES[freedom - 1] if freedom <= len(QUANTILES) else 1.96
    mean, half = fmean(differences), quantile * stdev(differences) / math.sqrt(len(differences))
    return mean, mean - half, mean + half


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune, compare, and print what came out, whatever it is."""
    parser = argparse.ArgumentParser("python -m recipes.tune_digits", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="at least 2 (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=100, help="of each run compared (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=15, help="of each search (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("tune-digits-out"), help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.seeds < 2:  # noqa: PLR2004  # an interval needs two
        parser.error(f"--seeds must be at least 2, got {options.seeds}")
    console = Console()
    with one_thread(), without_chatter(), without_known_warnings():
        start = time.perf_counter()
        coarse = rk.tuning.Budget(options.trials, 5, name="4_coarse")
        refined = rk.tuning.Budget(options.trials, 20, name="5_refined")
        best = chosen(options.out, coarse, refined, console)
        console.print(f"The protocol took {time.perf_counter() - start:.0f} s.", highlight=False)
        runs = [
            Run(name, seed, trained_error(seed, **values, epochs=options.epochs))
            for seed in range(options.seeds)
            for name, values in (("plain", BASELINE), ("tuned", best))
        ]
    plain, tuned = summarize(runs)
    said = ", ".join(f"{name} {value:.3g}" for name, value in best.items())
    console.print(tabulate((plain, tuned), f"after {options.epochs} epochs; tuned: {said}"))
    mean, low, high = interval([after - before for before, after in zip(plain.errors, tuned.errors, strict=True)])
    console.print(f"tuned - plain: {mean:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}", highlight=False)


if __name__ == "__main__":
    main()
