"""Script: fits with noise and with a schedule, seeded and not, and resumed."""

import os
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from lightning_regkit.callbacks import CutMix, Cutout, Mixup, OneOf, ScheduleLR
from lightning_regkit.schedules import Cosine, Linear
from tests.ddp.support import Evaluated, ddp_trainer, is_clean, weights, write
from tests.support import Items, images, loader

EPOCHS = 2
COUNT, BATCH_SIZE, BATCHES = 40, 8, 5  # large enough that two batches never get equal noise by chance
RESUME_AT = 3
SPEC = Cosine(final_factor=0.1)
WARMUP = "2step"


def data() -> DataLoader[Any]:
    return loader(COUNT, BATCH_SIZE)


def noise_of(kind: str) -> pl.Callback:
    mixup, cutout = Mixup(alpha=1.0), Cutout(length_frac=0.75, fill=9.0)
    return {"mixup": mixup, "cutout": cutout, "one_of": OneOf([mixup, CutMix(per="sample"), cutout])}[kind]


def fit(*callbacks: Any, batches: Any = None, ckpt_path: Path | None = None, **options: Any) -> dict[str, Any]:
    """Fit where both ranks read the same batches, so that what differs is noise."""
    model = Evaluated()
    own = ddp_trainer(
        max_epochs=EPOCHS, callbacks=list(callbacks), use_distributed_sampler=False, num_sanity_val_steps=1, **options
    )
    own.fit(model, batches or data(), data(), ckpt_path=ckpt_path, weights_only=None if ckpt_path is None else True)
    clean = images(COUNT)[0].split(BATCH_SIZE)
    return {
        "rank": own.global_rank,
        "seen": [batch[0].tolist() for batch in model.seen],
        "num_validated": len(model.inputs),
        "is_validation_untouched": all(torch.equal(x, clean[i % BATCHES]) for i, x in enumerate(model.inputs[1:])),
        "is_clean": is_clean(model) and "on_after_batch_transfer" not in vars(model),
        "rates": model.rates,
        "weights": weights(model),
    }


def everything() -> list[pl.Callback]:
    switched = OneOf([Mixup(Linear()), CutMix(until="0.6run")])
    return [Mixup(alpha=1.0), switched, Cutout(), ScheduleLR(SPEC, warmup=WARMUP)]


def noise(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("unseeded", "unseeded_again"):
        os.environ.pop("PL_GLOBAL_SEED", None)
        callback: Any = noise_of(kind)
        found[name] = fit(callback)
        found[name]["seed"] = callback._seam.streams._seed
    for name in ("seeded", "seeded_again"):
        pl.seed_everything(7, verbose=False)
        found[name] = fit(noise_of(kind))
    os.environ.pop("PL_GLOBAL_SEED")
    return found


def resumed(folder: Path) -> dict[str, Any]:
    """Resume in the middle of the first epoch, without a seed, so that it must come from the checkpoint."""
    keep = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=RESUME_AT, save_top_k=-1)
    # Equal batches, for in the middle of an epoch Lightning starts a plain loader from its beginning.
    batches: Any = DataLoader(Items([images(BATCH_SIZE)] * BATCHES), batch_size=None)
    whole = fit(*everything(), keep, batches=batches, enable_checkpointing=True)
    rest = fit(*everything(), batches=batches, ckpt_path=folder / f"step={RESUME_AT}.ckpt")
    return {"whole": whole, "rest": rest}


def scheduled() -> dict[str, Any]:
    """Share the data out, as users do: 10 batches, 5 on each rank."""
    model = Evaluated()
    own = ddp_trainer(max_epochs=EPOCHS, callbacks=[ScheduleLR(SPEC, warmup=WARMUP), Mixup()], limit_val_batches=0)
    own.fit(model, loader(4 * BATCHES))
    return {"rates": model.rates, "weights": weights(model), "num_batches": len(model.seen)}


def main(folder: Path) -> None:
    found: dict[str, Any] = {kind: noise(kind) for kind in ("mixup", "cutout", "one_of")}
    found["scheduled"] = scheduled()
    found["resumed"] = resumed(folder)
    write(folder, found["resumed"]["rest"]["rank"], found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
