"""A metric wherever it is logged: when it is due, and its value on every rank."""

import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, IterableDataset

from lightning_regkit._lightning import _observed as module
from lightning_regkit._lightning._observed import ObservedMetric, number, position, score, steps_between_checks
from tests.support import Classifier, Validated, images, loader, trainer


class Logs(Classifier):
    """Logs its count of batches as ``acc`` in one place, and something else in every validation."""

    def __init__(self, where: str, every: int = 1) -> None:
        super().__init__()
        self.where, self.every = where, every

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        if self.where.startswith("training"):
            self.log(
                "acc", float(self.trainer.global_step), on_step="step" in self.where, on_epoch="epoch" in self.where
            )
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        if self.where == "validation" and self.current_epoch % self.every == 0:
            self.log("acc", float(self.trainer.global_step))
        self.log("other", 0.0)

    def on_train_epoch_end(self) -> None:
        if self.where == "hook":
            self.log("acc", float(self.trainer.global_step))


class Asks(pl.callbacks.Checkpoint):
    """Asks in both hooks; a ``Checkpoint``, so that its hooks are called after the module's."""

    def __init__(self, *, is_known: bool = False) -> None:
        self.metric = ObservedMetric("Best", "acc")
        self.is_known = is_known
        self.found: list[tuple[str, float, Fraction, int]] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.metric.start()
        self.metric.is_known = self.is_known

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.note("validation", trainer, self.metric.after_validation(trainer))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.note("epoch", trainer, self.metric.after_epoch(trainer))

    def note(self, where: str, trainer: pl.Trainer, value: float | None) -> None:
        if value is not None:
            self.found.append((where, value, *position(trainer)))


def fit(model: pl.LightningModule, asks: Asks, train: Any = None, **options: Any) -> list[tuple[str, float]]:
    run = trainer(callbacks=[asks], enable_checkpointing=True, **{"max_epochs": 2, **options})
    run.fit(model, loader() if train is None else train, loader(4))
    return [(where, value) for where, value, *_ in asks.found]


@pytest.mark.parametrize(
    ("where", "options", "expected"),
    [
        ("validation", {}, [("validation", 5), ("validation", 10)]),
        ("validation", {"check_val_every_n_epoch": 2}, [("validation", 10)]),
        ("validation", {"val_check_interval": 3}, [("validation", 3), ("validation", 8)]),
        ("training epoch", {}, [("epoch", 2), ("epoch", 7)]),  # the mean over the epoch
        ("training epoch", {"val_check_interval": 2}, [("epoch", 2), ("epoch", 7)]),
        ("training step", {}, [("epoch", 4), ("epoch", 9)]),
        ("hook", {}, [("epoch", 5), ("epoch", 10)]),
        ("hook", {"val_check_interval": 2}, [("epoch", 5), ("epoch", 10)]),
        ("training epoch", {"limit_val_batches": 0}, [("epoch", 2), ("epoch", 7)]),
        ("training epoch", {"check_val_every_n_epoch": 2}, [("epoch", 2), ("epoch", 7)]),
    ],
)
def test_when_it_is_due(where: str, options: dict[str, Any], expected: list[tuple[str, float]]) -> None:
    assert fit(Logs(where), Asks(), **options) == expected


def test_where_training_logs_one_of_the_same_name_validation_counts() -> None:
    class Both(Logs):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.log("acc", -1.0, on_step=False, on_epoch=True)
            return super().training_step(batch, batch_idx)

    options = {"check_val_every_n_epoch": 2, "max_epochs": 4}
    assert fit(Both("validation"), Asks(), **options) == [("validation", 10), ("validation", 20)]


def test_one_that_some_validations_leave_out_is_not_read_twice() -> None:
    assert fit(Logs("validation", every=2), Asks(), max_epochs=4) == [("validation", 5), ("validation", 15)]
    with pytest.raises(ValueError, match="monitor"):
        trainer(max_epochs=4, callbacks=[Asks()], enable_checkpointing=True).fit(Late(), loader(), loader(4))
    assert fit(Late(), Asks(is_known=True), max_epochs=4) == [("validation", 15)]


class Late(Logs):
    """Logs nothing before its third epoch."""

    def __init__(self) -> None:
        super().__init__("validation")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.where = "validation" if self.current_epoch == 2 else "nowhere"
        super().validation_step(batch, batch_idx)


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        inputs, targets = images(10)
        while True:
            yield from zip(inputs, targets, strict=True)


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, 5),
        ({"check_val_every_n_epoch": 2}, 10),
        ({"val_check_interval": 2}, 5),
        ({"limit_val_batches": 0}, 5),
        ({"train": DataLoader(Endless(), batch_size=2), "val_check_interval": 3, "max_steps": 99}, 3),
    ],
)
def test_one_that_is_never_logged_is_refused_at_the_first_check(options: dict[str, Any], steps: int) -> None:
    model = Logs("nowhere")
    with pytest.raises(ValueError, match="monitor") as caught:
        fit(model, Asks(), max_epochs=-1 if "max_steps" in options else 4, **options)
    names = "none" if options.get("limit_val_batches") == 0 else "other"
    assert str(caught.value) == f"Best: monitor must name a metric that is logged, got 'acc'. Logged are: {names}."
    assert len(model.seen) == steps


def test_nothing_is_due_in_a_sanity_check_or_outside_of_a_fit() -> None:
    asks = Asks()
    run = trainer(max_epochs=1, callbacks=[asks], enable_checkpointing=True)
    run.fit(Logs("validation"), loader(), loader(4))
    run.validate(Logs("validation"), loader(4), verbose=False)
    assert len(asks.found) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [Fraction(1), Fraction(2)]),
        ({"val_check_interval": 2}, [Fraction(2, 5), Fraction(4, 5), Fraction(7, 5), Fraction(9, 5)]),
        ({"limit_train_batches": 3}, [Fraction(1), Fraction(2)]),
        (
            {"check_val_every_n_epoch": None, "val_check_interval": 3},
            [Fraction(3, 5), Fraction(6, 5), Fraction(9, 5)],
        ),
    ],
)
def test_where_in_the_run_a_check_is(options: dict[str, Any], expected: list[Fraction]) -> None:
    asks = Asks()
    fit(Logs("validation"), asks, **options)
    assert [epochs for *_, epochs, _ in asks.found] == expected


def test_an_epoch_without_end_counts_whole() -> None:
    asks = Asks()
    fit(Logs("validation"), asks, DataLoader(Endless(), batch_size=2), val_check_interval=3, max_steps=7, max_epochs=-1)
    assert [(epochs, steps) for *_, epochs, steps in asks.found] == [(Fraction(0), 3), (Fraction(0), 6)]


def test_an_epoch_of_unknown_length_counts_when_it_ends() -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            yield from zip(*images(10), strict=True)

    asks = Asks()
    fit(Logs("validation"), asks, DataLoader(Stream(), batch_size=2))
    assert [(epochs, steps) for *_, epochs, steps in asks.found] == [(Fraction(1), 5), (Fraction(2), 10)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 5),
        ({"val_check_interval": 2}, 2),
        ({"val_check_interval": 0.2}, 1),
        ({"check_val_every_n_epoch": 3}, 15),
        ({"check_val_every_n_epoch": None, "val_check_interval": 10}, 10),
        ({"limit_val_batches": 0}, 5),
        ({"val_check_interval": "00:00:01:00"}, None),
    ],
)
def test_steps_from_one_check_to_the_next(options: dict[str, Any], expected: int | None) -> None:
    class Reads(pl.Callback):
        def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            self.steps = steps_between_checks(trainer, 5)

    reads = Reads()
    trainer(max_epochs=3, callbacks=[reads], **options).fit(Validated(), loader(), loader(4))
    assert reads.steps == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.tensor(0.95), 0.95),
        (torch.tensor(0.1, dtype=torch.float64), 0.1),
        (torch.tensor(1 / 3, dtype=torch.float64), 1 / 3),
        (torch.tensor(3), 3.0),
        (torch.tensor([0.7]), 0.7),
        (torch.tensor(float("inf")), math.inf),
    ],
)
def test_a_value_is_read_as_it_was_meant(value: torch.Tensor, expected: float) -> None:
    assert number(value) == expected


@given(st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False))
def test_reading_keeps_the_bits_and_the_order(one: float, other: float) -> None:
    ours = [number(torch.tensor(value, dtype=torch.float32)) for value in (one, other)]
    assert torch.equal(score(ours[0]), torch.tensor(one, dtype=torch.float32))
    assert (ours[0] < ours[1]) == (one < other)
    assert math.isnan(number(torch.tensor(math.nan)))


def ranks(monkeypatch: pytest.MonkeyPatch, *values: float | None) -> tuple[Any, list[str]]:
    """Return a Trainer of as many ranks, and what will be said."""
    said: list[str] = []
    monkeypatch.setattr(module, "gather", lambda _, mine: [(value, mine[1]) for value in values])
    monkeypatch.setattr(module, "say", lambda owner, text: said.append(f"{owner}: {text}"))
    connector = SimpleNamespace(metrics={"callback": {"other": torch.tensor(1.0)}})
    fields = {"sanity_checking": False, "num_training_batches": 5, "_logger_connector": connector}
    return SimpleNamespace(state=SimpleNamespace(fn="fit"), **fields), said


DIFFERS = "Best: acc differs between processes: the first one's counts. Pass sync_dist=True."


@pytest.mark.parametrize(
    ("values", "expected", "lines"),
    [
        ((0.5, 0.5), 0.5, []),
        ((0.5, 0.25), 0.5, [DIFFERS]),
        ((None, 0.25), 0.25, [DIFFERS]),
        ((None, None), None, []),
        ((math.nan, math.nan), math.nan, []),
    ],
)
def test_the_first_rank_that_logged_it_counts(
    values: tuple[float | None, ...], expected: float | None, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, said = ranks(monkeypatch, *values)
    metric = ObservedMetric("Best", "acc")
    for _ in range(2):
        assert repr(metric.after_validation(run)) == repr(expected)
    assert said == lines, "once"
