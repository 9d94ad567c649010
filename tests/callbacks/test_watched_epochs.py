"""When an epoch is looked back on, and where it ended."""

from typing import Any

import lightning.pytorch as pl
import pytest

from lightning_regkit.callbacks._watched_epochs import WatchedEpochs
from lightning_regkit.monitoring import Position
from tests.callbacks.logged import Rows, Watched
from tests.support import loader, trainer


class Kept(WatchedEpochs):
    """Keeps where epochs ended, and what was logged by then."""

    def __init__(self) -> None:
        super().__init__("Kept", per_layer=False)
        self.found: list[tuple[int, float, int]] = []
        self.metrics: list[dict[str, float]] = []

    def log_row(self, trainer: pl.Trainer, row: dict[str, float], batch: Any, batch_idx: int) -> None: ...

    def log_epoch(self, trainer: pl.Trainer, position: Position) -> None:
        self.found.append((position.step, position.epoch, position.samples))
        self.metrics.append({name: float(value) for name, value in trainer.callback_metrics.items()})


class Says(Watched):
    def on_train_epoch_end(self) -> None:
        self.log("over", float(self.current_epoch))


def fit(kept: Kept, run: pl.Trainer | None = None, **options: Any) -> pl.Trainer:
    """Fit epochs of five batches of two."""
    run = run or trainer(**{"max_epochs": 2, "logger": Rows(), "log_every_n_steps": 2, **options}, callbacks=[kept])
    run.fit(Says(), loader(), loader(4))
    return run


def test_every_epoch_is_looked_back_on_once_and_all_of_it_is_there() -> None:
    kept = Kept()
    fit(kept, max_epochs=3)
    assert kept.found == [(4, 1.0, 10), (9, 2.0, 20), (14, 3.0, 30)]
    assert [each["over"] for each in kept.metrics] == [0, 1, 2]
    assert all({"train_loss", "val_loss"} <= each.keys() for each in kept.metrics)


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({"check_val_every_n_epoch": 2, "max_epochs": 4}, [2, 4]),
        ({"check_val_every_n_epoch": 3}, []),
        ({"limit_val_batches": 0}, []),
        ({"val_check_interval": 2}, [1, 2]),
        ({"val_check_interval": 4, "check_val_every_n_epoch": None, "max_epochs": 3}, [1, 2, 3]),
        ({"limit_train_batches": 3}, [1, 2]),
        ({"num_sanity_val_steps": 2, "limit_val_batches": 0}, []),
    ],
    ids=str,
)
def test_only_an_epoch_with_a_validation_is(options: dict[str, Any], epochs: list[float]) -> None:
    kept = Kept()
    fit(kept, **options)
    assert [epoch for _, epoch, _ in kept.found] == epochs


def test_one_that_was_cut_short_ends_where_it_did() -> None:
    kept = Kept()
    fit(kept, max_steps=7, max_epochs=-1, val_check_interval=1)
    assert kept.found == [(4, 1.0, 10), (6, 1.4, 14)]


def test_a_second_fit_does_not_look_back_on_the_first() -> None:
    kept = Kept()
    run = fit(kept, max_epochs=1)
    run.fit_loop.max_epochs = 2
    fit(kept, run)
    assert [epoch for _, epoch, _ in kept.found] == [1.0, 2.0]


def test_evaluations_are_left_alone() -> None:
    kept = Kept()
    trainer(callbacks=[kept]).validate(Says(), loader(4), verbose=False)
    assert not kept._has_validated


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="log_epoch"):
        WatchedEpochs("Kept", per_layer=True)  # type: ignore[abstract]
