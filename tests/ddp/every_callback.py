"""Script: every row of the table in every way that one script can run, and what the pages say of noise and torch."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from tests.ddp.devices_table import cell
from tests.ddp.probe import SEED, Probe, common
from tests.ddp.rows import ROWS, Place, Row, mixup
from tests.ddp.running import run, without
from tests.ddp.support import leave, write
from tests.ddp.ways import options
from tests.support import trainer

WAYS: Final = ("ddp", "unused", "sync", "fully_shard", "tensor", "fsdp", "deepspeed")
RESUMED: Final = ("fully_shard", "fsdp")


def outcome(row: Row, place: Place) -> dict[str, Any]:
    if cell(row, place.way).verdict != "refused":
        return run([row], place)
    try:
        run([row], place)
    except (TypeError, ValueError) as refusal:
        return {"refusal": str(refusal)}
    return {}


def without_in(row: Row) -> tuple[str, ...]:
    """Name the ways in which to see what a run would be without the callback."""
    return () if not row.is_visible else ("ddp", "sync") if row.is_normalized else ("ddp",)


def resumed(place: Place) -> dict[str, Any]:
    """Resume at the end of the first epoch, without a seed, so that it must come from the checkpoint."""
    os.environ.pop("PL_GLOBAL_SEED", None)
    found: dict[str, Any] = {}
    for name in ("whole", "rest"):
        keep = ModelCheckpoint(place.folder, filename="{epoch}", save_top_k=-1)
        model = Probe(place.way)
        own = trainer(
            max_epochs=2,
            callbacks=[mixup(place), *([keep] if name == "whole" else [])],
            enable_checkpointing=name == "whole",
            use_distributed_sampler=False,
            **options(place.way),
        )
        path = place.folder / "epoch=0.ckpt" if name == "rest" else None
        own.fit(model, common(2), common(1), ckpt_path=path, weights_only=False if path is not None else None)
        found[name] = {"seen": [batch[0].tolist() for batch in model.seen], "weights": model.ends}
    return found


class Apart(Probe):
    """Has noise of its own on every process, as the page tells users."""

    def on_fit_start(self) -> None:
        torch.manual_seed(SEED + self.global_rank)


def dropped(place: Place) -> dict[str, Any]:
    """Train with dropout on the same batches, seeded alike and apart; return which units were dropped."""
    found = {}
    for model in (Probe(is_noisy=True), Apart(is_noisy=True)):
        pl.seed_everything(SEED, verbose=False)
        trainer(max_epochs=1, use_distributed_sampler=False, **options(place.way)).fit(model, common(2), common(1))
        found[type(model).__name__] = (model.hidden == 0).tolist()
    return found


def synchronized(place: Place) -> str:
    """Do with torch's own layers on CPU what the stand-in is for."""
    own = trainer(max_epochs=1, sync_batchnorm=True, **options("ddp"))
    try:
        own.fit(Probe(place.way, is_normalized=True), common(1), common(1))
    except ValueError as refusal:
        return str(refusal)
    return ""


def main(folder: Path) -> None:
    found: dict[str, Any] = {"without": {}}
    for way in WAYS:
        place = Place(folder / way, way)
        place.folder.mkdir(exist_ok=True)
        tried = [row for row in ROWS if cell(row, way).verdict != "not tried"]
        found[way] = {row.key: outcome(row, place) for row in tried}
        if way != "deepspeed":
            found[way]["bare"] = run([], place)
        found["without"][way] = {row.key: run([without(row)], place) for row in tried if way in without_in(row)}
    found["resumed"] = {way: resumed(Place(folder / way, way)) for way in RESUMED}
    found["dropped"] = dropped(Place(folder, "ddp"))
    found["sync_on_cpu"] = synchronized(Place(folder, "ddp"))
    write(folder, found["ddp"]["bare"]["rank"], found)
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
