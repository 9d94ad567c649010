"""Logs as Lightning writes them, small and without a training run."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

RATE: Final = 0.1


def write_metrics(folder: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write ``metrics.csv`` as CSVLogger does: all names as columns, in order, cells empty where nothing was logged."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=sorted({name for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def training(epochs: int, *, seed: int = 0, floor: float = 0.2) -> list[dict[str, object]]:
    """Rows of a run that learns, then overfits after half of its epochs; ten steps an epoch."""
    rows: list[dict[str, object]] = []
    for epoch in range(epochs):
        step = 10 * epoch + 9
        wave = 0.03 * math.sin(7.3 * epoch + 2.1 * seed)
        train = floor * 0.3 + 2 * math.exp(-4 * epoch / epochs) + wave
        val = floor + 2 * math.exp(-5 * epoch / epochs) + 0.5 * (epoch / epochs) ** 2 + 2 * wave
        rows.append({"epoch": epoch, "step": step, "val_loss": val, "val_acc": math.exp(-val / 3)})
        rows.append({"epoch": epoch, "step": step, "train_loss": train, "train_acc": math.exp(-train / 4)})
        rows.append({"step": step, "lr-SGD": RATE / 2 * (1 + math.cos(math.pi * epoch / epochs))})
    return rows


def evaluated(step: int, *, seed: int = 0, floor: float = 0.2) -> list[dict[str, object]]:
    """Rows of a test: its accuracy, an ensemble of three, and the views of a crop layout."""
    shift = 0.01 * math.sin(seed) - floor / 10
    ensemble = {f"ensemble/accuracy_last_{m}": 0.9 + 0.01 * m + shift for m in (1, 2, 3)}
    likelihood = {f"ensemble/nll_last_{m}": 0.5 / m + shift for m in (1, 2, 3)}
    views = {f"multicrop/accuracy_{v}": 0.85 + 0.02 * math.log(v) + shift for v in (1, 2, 5, 10, 20, 50)}
    return [{"step": step, "test_acc": 0.93 + shift, **ensemble, **likelihood, **views}]


def write_logs(above: Path) -> Path:
    """Write two configurations of three seeds, a run that diverged and whose name is markup, and trials of a search."""
    for name, floor in (("plain", 0.4), ("mixup", 0.2)):
        for seed in range(3):
            rows = [*training(40, seed=seed, floor=floor), *evaluated(400, seed=seed, floor=floor)]
            folder = write_metrics(above / name / f"seed-{seed}", rows)
            (folder / "hparams.yaml").write_text(f"alpha: {floor / 2}\noptimizer:\n  lr: 0.1\nseed: {seed}\n")
    rows = training(20)
    rows[30]["val_loss"] = math.nan
    rows += [{"step": step, "grad_norm": 1 / (1 + step)} for step in range(200)]
    write_metrics(above / "<script>alert(1)<", rows)
    trials = ["number,state,lr,val_acc", "0,COMPLETE,0.1,0.91", "1,COMPLETE,0.01,0.87", "2,PRUNED,3e-4,"]
    (above / "trials.csv").write_text("\n".join([*trials, *(f"{n},COMPLETE,0.2,0.5" for n in range(3, 12))]) + "\n")
    return above
