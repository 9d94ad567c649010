"""One row for each callback: how it is set up, and what several processes have in common with one.

A further callback is a further row in ``TABLE``, and cells in ``devices_table`` where they differ from the row's
``proof``. Everything here is importable, so that it also pickles for ``ddp_spawn``.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import lightning.pytorch as pl
import torch
from torch import nn

from lightning_regkit import callbacks
from lightning_regkit.callbacks import (
    BestEpochCheckpoint,
    CutMix,
    Cutout,
    EnsembleCheckpoints,
    ExactResume,
    KFACPreconditioner,
    Mixup,
    MonteCarloDropout,
    OneOf,
    ProgressiveSize,
    RandomErasing,
    RecalibrateBatchNorm,
    ScaleLR,
    ScheduleLR,
    SnapshotEnsemble,
    WeightPenalty,
)
from lightning_regkit.ensemble import read_manifest, read_member
from lightning_regkit.regularizers import followed_by
from lightning_regkit.schedules import Cosine
from tests.ddp.probe import BATCH, Probe, flat

Proof = Literal["equal", "own", "agree"]


@dataclass(frozen=True)
class Place:
    """Where rows are run, and in which way."""

    folder: Path
    way: str

    def of(self, row: "Row") -> "Place":
        """Return the place of one of them, a folder of its own."""
        folder = self.folder / row.key
        folder.mkdir(parents=True, exist_ok=True)
        return Place(folder, self.way)


@dataclass(frozen=True)
class Row:
    """One callback.

    Args:
        name: Its class.
        make: Returns it for a place.
        proof: What holds on two processes. ``"equal"``: all that one process with the doubled batch has. ``"own"``:
            noise of its own in each process, and equal weights. ``"agree"``: both have the same.
        variant: Which of several rows of the class.
        facts: What it leaves behind beside weights and rates, as plain values.
        collectives: Beyond those of a bare Trainer, in a step on average, and in an epoch with one validation.
        is_normalized: Whether the network has batch statistics, in every way.
        is_noisy: Whether it has dropout.
        is_pooled: Whether images are pooled first.
        is_test: Whether the callback acts in ``trainer.test``, not in a fit.
        is_visible: Whether a fit without it ends with other weights.
        is_logged: Whether there is a logger, and every step is logged.
    """

    name: str
    make: Callable[[Place], pl.Callback]
    proof: Proof = "equal"
    variant: str = ""
    facts: Callable[[Any, Path], dict[str, Any]] | None = None
    collectives: tuple[float, float] = (0.0, 0.0)
    is_normalized: bool = False
    is_noisy: bool = False
    is_pooled: bool = False
    is_test: bool = False
    is_visible: bool = True
    is_logged: bool = False

    @property
    def key(self) -> str:
        return ", ".join(filter(None, (self.name, self.variant)))


def schedule(_: Place) -> pl.Callback:
    return ScheduleLR(Cosine(), warmup="1step")


def scaled(_: Place) -> pl.Callback:
    return ScaleLR(2 * BATCH)


def batch_of(callback: Any, _: Path) -> dict[str, Any]:
    return {"batch": callback.state_dict()["batch"]}


def center(_: Place) -> pl.Callback:
    return callbacks.CommandCenter()


def counted(callback: Any, _: Path) -> dict[str, Any]:
    return {"samples": callback.odometer.samples}


def penalty(_: Place) -> pl.Callback:
    return WeightPenalty(l1=0.01, l2=0.1)


def proximal(_: Place) -> pl.Callback:
    return WeightPenalty(l1=0.05, proximal=True)


def kfac(place: Place) -> pl.Callback:
    return KFACPreconditioner(0.1, update_every=2, invert_every=4, exclude=["aux"] if place.way == "unused" else [])


def snapshots(place: Place) -> pl.Callback:
    is_driven = place.way != "spawn"  # where all are in one Trainer, ScheduleLR drives the rate
    return SnapshotEnsemble(2, place.folder, control=None if is_driven else "no_cycle")


def taken(_: Any, folder: Path) -> dict[str, Any]:
    listed = read_manifest(folder)
    members = [sorted(read_member(folder, each).items()) for each in listed]
    weights = [flat(tensor for _, tensor in member) for member in members]
    return {"steps": [each.step for each in listed], "rates": [each.rate for each in listed], "weights": weights}


def best(place: Place) -> pl.Callback:
    return BestEpochCheckpoint("val_loss", mode="min", patience="1ep", dirpath=place.folder)


def unrestored(place: Place) -> pl.Callback:
    return BestEpochCheckpoint("val_loss", mode="min", patience="1ep", dirpath=place.folder, restore=False)


def verdict(callback: Any, _: Path) -> dict[str, Any]:
    stopped = None if callback.stopped is None else callback.stopped.describe("val_loss")
    return {"best_epoch": callback.best_epoch, "score": callback.best_model_score.item(), "stopped": stopped}


def resume(place: Place) -> pl.Callback:
    return ExactResume(every="1ep", dirpath=place.folder)


def saved(_: Any, folder: Path) -> dict[str, Any]:
    return {"step": torch.load(folder / "resume.ckpt", weights_only=True)["global_step"]}


def recalibrate(_: Place) -> pl.Callback:
    return RecalibrateBatchNorm()


def mixup(_: Place) -> pl.Callback:
    return Mixup(alpha=1.0)


def cutmix(_: Place) -> pl.Callback:
    return CutMix(per="sample")


def cutout(_: Place) -> pl.Callback:
    return Cutout(length_frac=0.75, fill=2.0)


def erasing(_: Place) -> pl.Callback:
    return RandomErasing(probability=1.0, area=(0.3, 0.6))


def growing(_: Place) -> pl.Callback:
    return ProgressiveSize(multiple_px=1)


def one_of(_: Place) -> pl.Callback:
    return OneOf([Mixup(alpha=1.0), CutMix(per="sample")])


def checkpoints(place: Place) -> pl.Callback:
    """Average three models, which each process writes for itself."""
    paths = [place.folder / f"{os.getpid()}-{number}.ckpt" for number in range(3)]
    for number, path in enumerate(paths):
        module = Probe(place.way, is_normalized=place.way == "sync")
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.1 * number)
        torch.save({"state_dict": module.state_dict()}, path)
    return EnsembleCheckpoints(paths)


def masks(_: Place) -> pl.Callback:
    return MonteCarloDropout(2)


def crops(_: Place) -> pl.Callback:
    return callbacks.MultiCrop("flip")


def squashed(layer: nn.Module) -> nn.Module:
    return followed_by(layer, nn.Softsign())


def surgery(_: Place) -> pl.Callback:
    return callbacks.Surgery(squashed, "net.first")


def connections(_: Place) -> pl.Callback:
    return callbacks.DropConnect(0.5, "net.first")


def depth(_: Place) -> pl.Callback:
    return callbacks.StochasticDepth(0.5, "net.first")


def regions(_: Place) -> pl.Callback:
    return callbacks.FractionalPooling()


#: In an order in which one Trainer takes them all.
TABLE: Final = (
    Row("ScheduleLR", schedule),
    Row("ScaleLR", scaled, facts=batch_of),
    Row("WeightPenalty", penalty),
    Row("WeightPenalty", proximal, variant="proximal=True"),
    Row("KFACPreconditioner", kfac, collectives=(1.0, 0.0)),
    Row("SnapshotEnsemble", snapshots, facts=taken),
    Row("BestEpochCheckpoint", best, facts=verdict, collectives=(0.0, 2.0)),
    Row("BestEpochCheckpoint", unrestored, variant="restore=False", facts=verdict, collectives=(0.0, 2.0)),
    Row("ExactResume", resume, facts=saved, collectives=(0.0, 3.0), is_visible=False),
    Row("RecalibrateBatchNorm", recalibrate, "agree", collectives=(0.0, 2.0), is_normalized=True),
    Row("CommandCenter", center, facts=counted, is_visible=False, is_logged=True),
    Row("ProgressiveSize", growing),
    Row("Mixup", mixup, "own"),
    Row("CutMix", cutmix, "own"),
    Row("Cutout", cutout, "own"),
    Row("RandomErasing", erasing, "own"),
    Row("OneOf", one_of, "own"),
    Row("EnsembleCheckpoints", checkpoints, is_test=True),
    Row("MonteCarloDropout", masks, "own", is_noisy=True, is_test=True),
    Row("MultiCrop", crops, is_test=True),
    Row("Surgery", surgery),
    # Their noise is that of torch's generator, as dropout's is.
    Row("DropConnect", connections, "agree"),
    Row("StochasticDepth", depth, "agree"),
    Row("FractionalPooling", regions, "agree", is_pooled=True, is_visible=False),  # images are too small to differ
)
#: Without those of callbacks that are not there yet.
ROWS: Final = tuple(row for row in TABLE if row.name in callbacks.__all__)
