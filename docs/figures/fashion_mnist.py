"""Draw the errors of a run on images of clothes, epoch by epoch, from what Lightning's CSVLogger wrote.

Run from the root of the repository: ``python docs/figures/fashion_mnist.py docs/_static/fashion_mnist.csv
docs/_static/fashion_mnist.png``. The first file is ``metrics.csv`` of ``recipes/fashion_mnist/resnet20.yaml``.
"""

import csv
import sys
from pathlib import Path
from typing import Final

import matplotlib as mpl
import matplotlib.pyplot as plt

TARGET: Final = 6.5
SIZE: Final = (7.0, 3.6)
DPI: Final = 100


def errors(path: str, metric: str) -> tuple[list[int], list[float]]:
    """Return the epochs in which an accuracy was logged, from 1, and the errors in percent."""
    with Path(path).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[metric]]
    return [int(row["epoch"]) + 1 for row in rows], [100 * (1 - float(row[metric])) for row in rows]


def draw(source: str, path: str) -> None:
    """Draw training and validation on a logarithmic scale."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for metric, label in (("train_acc", "training, shifted, mirrored and cut out"), ("val_acc", "validation")):
        axes.semilogy(*errors(source, metric), marker=".", label=label)
    axes.axhline(TARGET, color="gray", linewidth=1, linestyle="--", label=f"target of the test: {TARGET} %")
    axes.set(xlabel="epoch", ylabel="error, %", yticks=(5, 6, 8, 10, 15, 20, 30), ylim=(4.2, 60))
    axes.get_yaxis().set_major_formatter(mpl.ticker.ScalarFormatter())
    axes.get_yaxis().set_minor_formatter(mpl.ticker.NullFormatter())
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper right")
    figure.savefig(path, dpi=DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    mpl.use("Agg")
    draw(*sys.argv[1:])
