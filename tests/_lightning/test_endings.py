"""Whether a fit is about to end, free names of files, and what is said of a run that is cut short."""

import logging
from itertools import islice
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_regkit._lightning import _endings as module
from lightning_regkit._lightning._endings import ends_after_epoch, free_file, is_together, rescue, versions
from tests.support import Classifier, loader, trainer


class Asks(pl.callbacks.Checkpoint):
    def __init__(self, stop_in: int = -1) -> None:
        self.stop_in = stop_in
        self.ends: list[bool] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.should_stop or trainer.current_epoch == self.stop_in

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.ends.append(ends_after_epoch(trainer))


@pytest.mark.parametrize(
    ("stop_in", "options", "epochs"),
    [
        (-1, {"max_epochs": 3}, 3),
        (-1, {"max_steps": 12}, 3),
        (-1, {"max_steps": 10}, 2),
        (1, {"max_epochs": 5}, 2),
        (1, {"max_epochs": 5, "min_epochs": 4}, 4),
        (1, {"max_epochs": -1}, 2),
    ],
)
def test_the_last_epoch_is_known_at_its_end(stop_in: int, options: dict[str, Any], epochs: int) -> None:
    asks = Asks(stop_in)
    trainer(callbacks=[asks], enable_checkpointing=True, **options).fit(Classifier(), loader())
    assert asks.ends == [False] * (epochs - 1) + [True]


def test_versions() -> None:
    found = versions(lambda version: "last" if version is None else f"last-v{version}")
    assert list(islice(found, 3)) == ["last", "last-v1", "last-v2"]


def rank(index: int, first: str = "") -> Any:
    return SimpleNamespace(
        is_global_zero=index == 0,
        strategy=SimpleNamespace(broadcast=lambda value: value if index == 0 else first),
    )


@pytest.mark.parametrize(
    ("there", "ours", "expected"),
    [
        (set(), set(), "a"),
        ({"a"}, set(), "b"),
        ({"a", "b"}, {"b"}, "b"),
        ({"a", "b"}, {"a"}, "a"),
        ({"a", "b"}, {"c"}, "c"),
    ],
)
def test_a_file_of_another_run_is_never_chosen(there: set[str], ours: set[str], expected: str) -> None:
    assert free_file(rank(0), iter("abc"), ours=ours, exists=there.__contains__) == expected


def test_other_ranks_take_what_the_first_has_found_and_look_at_nothing() -> None:
    def fails(_path: str) -> bool:
        raise AssertionError

    assert free_file(rank(1, first="b"), iter("abc"), ours=(), exists=fails) == "b"


@pytest.mark.parametrize(
    ("world_size", "exception", "expected"),
    [
        (1, OSError(), True),
        (1, KeyboardInterrupt(), True),
        (2, OSError(), False),
        (2, KeyboardInterrupt(), False),
        (2, SIGTERMException(), True),
    ],
)
def test_only_sigterm_ends_all_processes_together(world_size: int, exception: BaseException, expected: bool) -> None:
    run: Any = SimpleNamespace(world_size=world_size)
    assert is_together(run, exception) is expected


def test_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(module, "say", lambda owner, text: said.append(f"{owner}: {text}"))
    rescue("Best", lambda: "runs/last.ckpt", KeyboardInterrupt())
    assert said == ['Best: saved runs/last.ckpt; go on with fit(ckpt_path="last").']

    def full() -> str:
        raise OSError("no space left")

    error = ValueError("a bug")
    rescue("Best", full, error)
    assert said[1:] == ["Best: the state could not be saved: no space left"]
    assert error.__notes__ == said[1:]
    assert logging.getLogger("lightning").level is not None
