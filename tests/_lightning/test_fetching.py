from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import pytest
from torch.utils.data import DataLoader, IterableDataset

from lightning_regkit._lightning._fetching import FetchSeam
from lightning_regkit._lightning._override import Override
from tests.support import Classifier, images, loader, trainer

NAMES = ("_on_before_fetch", "_on_after_fetch")


class Watch(pl.Callback):
    """Writes down what happens, in order."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks = breaks
        self.story: list[str] = []
        self.seam = FetchSeam(self, self.begin, self.end)

    def begin(self) -> None:
        self.story.append("ask")

    def end(self) -> None:
        self.story.append("get")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seam.attach(trainer)

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.story.append("batch")
        if self.breaks:
            raise RuntimeError("in the middle")

    def on_exception(self, *_: Any) -> None:
        self.seam.detach()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.seam.detach()


class Items(IterableDataset[Any]):
    def __init__(self, story: list[str]) -> None:
        self.story = story

    def __iter__(self) -> Iterator[Any]:
        for item in zip(*images(2), strict=True):
            self.story.append("item")
            yield item


def layers(run: pl.Trainer) -> list[str]:
    return [name for name in NAMES if name in vars(run.fit_loop.epoch_loop)]


def test_every_batch_is_asked_for_and_got_before_it_begins() -> None:
    watch = Watch()
    run = trainer(max_epochs=2, callbacks=[watch])
    run.fit(Classifier(), loader(4))
    assert watch.story == ["ask", "get", "batch"] * 4
    assert layers(run) == []


def test_the_data_is_made_in_between() -> None:
    watch = Watch()
    trainer(max_epochs=1, callbacks=[watch]).fit(Classifier(), DataLoader(Items(watch.story), batch_size=1))
    # Without a length the second batch is there before the first begins; the first is had before training starts.
    assert watch.story == ["item", "ask", "item", "get", "batch", "ask", "get", "batch"]


def test_a_fit_that_breaks_leaves_the_loop_as_it_was() -> None:
    watch = Watch(breaks=True)
    run = trainer(max_epochs=1, callbacks=[watch])
    with pytest.raises(RuntimeError, match="in the middle"):
        run.fit(Classifier(), loader())
    assert layers(run) == []


def test_it_rests_while_its_callback_is_not_in_the_list() -> None:
    """As in the trial of a finder, which swaps the list."""
    watch = Watch()

    class Swaps(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.callbacks = [each for each in trainer.callbacks if each is not watch]  # type: ignore[attr-defined]

    trainer(max_epochs=1, callbacks=[watch, Swaps()]).fit(Classifier(), loader(6))
    assert watch.story == ["ask", "get", "batch"]


def test_attaching_twice_is_attaching_once() -> None:
    watch = Watch()
    run = trainer(max_epochs=1)
    watch.seam.attach(run)
    watch.seam.attach(run)
    record: Any = vars(run.fit_loop.epoch_loop)[NAMES[0]]
    assert isinstance(record, Override)
    record()
    assert watch.story == []  # not in the list
    run.callbacks.append(watch)  # type: ignore[attr-defined]
    record()
    assert watch.story == ["ask"]
    watch.seam.detach()
    watch.seam.detach()
    record()  # a fetcher may still hold it
    assert watch.story == ["ask"]


def test_lightning_tells_its_profiler_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    run: Any = trainer(max_epochs=1, callbacks=[Watch()])
    monkeypatch.setattr(run.profiler, "start", told.append)
    run.fit(Classifier(), loader(4))
    assert told.count("[_TrainingEpochLoop].train_dataloader_next") == 2
