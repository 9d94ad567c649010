"""Run rows of the table in one Trainer, and say what is there at the end."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import CSVLogger
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from tests.ddp.probe import EPOCHS, SEED, STEPS, Probe, common, flat, shared
from tests.ddp.rows import Place, Row
from tests.ddp.support import write
from tests.ddp.ways import options
from tests.support import trainer


@dataclass
class Report:
    """Looks at a module at the very end; writes that down in a process that is spawned, of which nothing comes back.

    Args:
        place: Where the rows are run.
        pairs: Rows and their callbacks.
    """

    place: Place
    pairs: Sequence[tuple[Row, pl.Callback]]

    def __call__(self, model: Probe) -> None:
        norms = [each for each in model.modules() if isinstance(each, _BatchNorm)]
        self.found: dict[str, Any] = {
            "rank": model.trainer.global_rank,
            "epochs": model.trainer.current_epoch,
            "weights": model.ends,
            "statistics": [flat(each.buffers()) for each in norms],
            "rates": model.rates,
            "seen": [batch[0].tolist() for batch in model.seen],
            "outputs": [each.tolist() for each in model.outputs],
            "metrics": {
                name: value.item() for name, value in model.trainer.callback_metrics.items() if "/ms_" not in name
            },
            "uses": model.uses,
            "facts": {row.key: row.facts(made, self.place.of(row).folder) for row, made in self.pairs if row.facts},
        }
        if self.place.way == "spawn":
            write(self.place.folder, model.trainer.global_rank, self.found)


def without(row: Row) -> Row:
    """Return the row of a callback that does nothing, with all else the same."""
    return replace(row, make=lambda _: pl.Callback(), facts=None)


def run(rows: Sequence[Row], place: Place, *, alone: bool = False, **given: Any) -> dict[str, Any]:
    """Run rows in one Trainer, or a bare one.

    Args:
        rows: Which; all act in a fit, or all in a test.
        place: Where, and in which way.
        alone: Whether one process does the work of all.
        given: Options of the Trainer; ``steps`` of an epoch; and whether data ``is_common``, by default where noise is
            to be told from data, and where processes have parts of one model.

    Returns:
        What this process has at the end; nothing where it has spawned others.
    """
    os.environ["PL_GLOBAL_SEED"] = str(SEED)
    way = "alone" if alone else place.way
    steps = given.pop("steps", STEPS)
    is_common = given.pop("is_common", place.way == "tensor" or any(row.proof == "own" for row in rows))
    model = Probe(
        place.way if place.way in {"unused", "sync"} else way,
        is_normalized=place.way == "sync" or any(row.is_normalized for row in rows),
        is_noisy=any(row.is_noisy for row in rows),
        is_pooled=any(row.is_pooled for row in rows),
    )
    made = [row.make(place.of(row)) for row in rows]
    if any(row.is_logged for row in rows):
        given = {"logger": CSVLogger(place.folder), "log_every_n_steps": 1, **given}
    own = trainer(
        callbacks=made,
        enable_checkpointing=any(isinstance(each, pl.callbacks.Checkpoint) for each in made),
        use_distributed_sampler=False,
        **{"max_epochs": EPOCHS, **options(way), **given},
    )

    def dealt(count: int, *, is_training: bool = False) -> DataLoader[Any]:
        return common(count) if is_common else shared(count, world_size=own.num_devices, is_training=is_training)

    model.report = report = Report(place, list(zip(rows, made, strict=True)))
    if any(row.is_test for row in rows):
        own.test(model, dealt(steps), verbose=False)
    else:
        own.fit(model, dealt(steps, is_training=True), dealt(1))
    return {} if way == "spawn" else report.found
