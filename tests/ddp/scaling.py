"""Script: rates scaled for two processes, alone and with a schedule in both orders."""

import sys
from pathlib import Path
from typing import Any

from lightning_regkit.callbacks import ScaleLR, ScheduleLR
from lightning_regkit.schedules import Linear
from tests.ddp.support import Evaluated, ddp_trainer, weights, write
from tests.support import loader


def fit(*callbacks: Any, **options: Any) -> dict[str, Any]:
    model = Evaluated()
    own = ddp_trainer(max_epochs=1, callbacks=list(callbacks), limit_val_batches=0, **options)
    own.fit(model, loader(24, 3))
    return {"rank": own.global_rank, "rates": model.rates, "weights": weights(model)}


def main(folder: Path) -> None:
    found: dict[str, Any] = {
        "alone": fit(ScaleLR(3)),
        "accumulated": fit(ScaleLR(3), accumulate_grad_batches=2),
        "first": fit(ScaleLR(3), ScheduleLR(Linear())),
        "last": fit(ScheduleLR(Linear()), ScaleLR(3)),
    }
    write(folder, found["alone"]["rank"], found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
