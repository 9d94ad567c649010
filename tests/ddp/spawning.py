"""Script: every callback in one ``ddp_spawn`` fit, so that all of them must pickle."""

import sys
from pathlib import Path

from lightning_regkit.callbacks import CutMix, Cutout, Mixup, OneOf, RandomErasing, ScaleLR, ScheduleLR
from lightning_regkit.schedules import Cosine
from tests.ddp.support import Evaluated, Flip, Reports, ddp_trainer
from tests.support import loader


def main(folder: Path) -> None:
    noise = [Mixup(alpha=1.0), Cutout(), OneOf([CutMix(until="0.5run"), RandomErasing(until="3step")])]
    callbacks = [*noise, ScheduleLR(Cosine(), warmup="1step"), ScaleLR(16), Flip(), Reports(folder)]
    own = ddp_trainer("ddp_spawn", max_epochs=1, callbacks=callbacks, use_distributed_sampler=False)
    own.fit(Evaluated(), loader(40, 8), loader(40, 8))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
