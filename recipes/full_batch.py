"""L-BFGS and SGD on one deterministic problem: the training loss that each reaches with as many gradients.

``python -m recipes.full_batch`` fits a softmax regression to 1,000 digits in one batch. The loss, cross-entropy with
label smoothing 0.1, is convex and has a minimum. A line search that evaluates the loss pays for it like a step.
"""

import argparse
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Final, final

import lightning.pytorch as pl
from rich.console import Console
from rich.table import Table
from torch import Tensor
from typing_extensions import override

import lightning_regkit as rk
from recipes._quiet import one_thread, without_chatter, without_known_warnings
from recipes.classifier import ImageClassifier
from recipes.data import DigitsData
from recipes.data.digits import NUM_CLASSES

__all__ = ["RATES", "best_rate", "best_so_far", "losses", "main"]

#: Optimizer and the rates it may choose from; beyond the largest, each of them does worse.
RATES: Final[dict[str, tuple[float, ...]]] = {
    "sgd": (0.25, 0.5, 1.0, 2.0, 4.0),
    "momentum": (0.25, 0.5, 1.0, 2.0, 4.0),
    "nesterov": (0.25, 0.5, 1.0, 2.0, 4.0),
    "lbfgs": (1.0,),
}
BUDGETS: Final = (25, 50, 100, 200)
SIZE: Final = 1000


@final
class Evaluations(pl.Callback):
    """Keeps the loss of each evaluation, and ends the run after as many as are paid for."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.losses: list[float] = []

    @override
    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        self.losses.append(loss.item())
        trainer.should_stop = len(self.losses) >= self.budget


def losses(optimizer: dict[str, Any], budget: int, train_size: int = SIZE) -> list[float]:
    """Fit with full batches, one step an epoch.

    Args:
        optimizer: Arguments of ``rk.optim.create``.
        budget: Gradients to evaluate.
        train_size: Images to train on, all of them in the batch.

    Returns:
        The training loss at each of the first ``budget`` evaluations; the first is that of the initial weights.
    """
    model = ImageClassifier(
        "softmax_regression", NUM_CLASSES, optimizer, model_options={"in_chans": 1}, loss={"label_smoothing": 0.1}
    )
    evaluations = Evaluations(budget)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=budget,
        callbacks=[evaluations, rk.callbacks.ScheduleLR(rk.schedules.Constant())],
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DigitsData(train_size=train_size, batch_size=train_size))
    return evaluations.losses[:budget]


def best_so_far(values: Iterable[float]) -> list[float]:
    """Return the smallest value up to each position.

    Example:
        >>> best_so_far([2.0, 3.0, 1.0])
        [2.0, 2.0, 1.0]
    """
    return list(accumulate(values, min))


def best_rate(name: str, budgets: Sequence[int], train_size: int = SIZE) -> list[tuple[float, float]]:
    """Return, for each budget, the smallest loss that any rate of the grid reaches, and that rate."""
    curves = {lr: best_so_far(losses({"name": name, "lr": lr}, max(budgets), train_size)) for lr in RATES[name]}
    return [min((curve[min(budget, len(curve)) - 1], lr) for lr, curve in curves.items()) for budget in budgets]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison and print its table."""
    parser = argparse.ArgumentParser("python -m recipes.full_batch", description=__doc__)
    parser.add_argument("--train-size", type=int, default=SIZE, help="scans (default: %(default)s)")
    size = parser.parse_args(arguments).train_size
    table = Table("optimizer", title=f"training loss (best rate) after so many gradients of {size} scans")
    for budget in BUDGETS:
        table.add_column(str(budget), justify="right", no_wrap=True)
    with one_thread(), without_chatter(), without_known_warnings():
        for name in RATES:
            table.add_row(name, *(f"{loss:.4f} ({lr:g})" for loss, lr in best_rate(name, BUDGETS, size)))
    Console().print(table)


if __name__ == "__main__":
    main()
