"""Script: fits whose ranks log different metrics, one whose second rank logs none, and at last one that is refused."""

import sys
from pathlib import Path
from typing import Any

from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.schedules import Constant, Plateau
from tests.ddp.support import Evaluated, ddp_trainer, weights, write
from tests.support import loader

EPOCHS, BATCHES = 4, 2


class Disagrees(Evaluated):
    """The metric stands still on the first rank, and improves on the second, if that logs one."""

    def __init__(self, *, is_logged_once: bool) -> None:
        super().__init__()
        self.is_logged_once = is_logged_once

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        value = -float(self.current_epoch) if self.global_rank else 1.0
        self.log("val_loss", value, rank_zero_only=self.is_logged_once)


def fit(monitor: str, *, is_logged_once: bool) -> dict[str, Any]:
    model = Disagrees(is_logged_once=is_logged_once)
    schedule = ScheduleLR(Constant(), plateau=Plateau(monitor, factor=0.5, patience=1))
    own = ddp_trainer(max_epochs=EPOCHS, callbacks=[schedule])
    own.fit(model, loader(4 * BATCHES), loader(4))
    return {"rank": own.global_rank, "rates": model.rates, "weights": weights(model)}


def main(folder: Path) -> None:
    found = {"different": fit("val_loss", is_logged_once=False), "once": fit("val_loss", is_logged_once=True)}
    write(folder, found["once"]["rank"], found)
    fit("val_los", is_logged_once=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
