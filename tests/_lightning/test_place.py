"""Where a run was saved, read off at every hook of a real fit; counters that make Lightning go on from there."""

import copy
from collections.abc import Iterable
from typing import Any

import lightning.pytorch as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from lightning_regkit._lightning._place import (
    Place,
    is_validation_due,
    is_window_open,
    log_step,
    moment,
    renumber,
    settle,
)
from tests.support import Classifier, Validated, loader, trainer

BATCHES, EPOCHS, VALIDATION = "epoch_loop.batch_progress", "epoch_progress", "epoch_loop.val_loop.batch_progress"

#: Progress as (ready, started, processed, completed).
Row = tuple[int, int, int, int]


def counters(row: Row) -> dict[str, int]:
    return dict(zip(("ready", "started", "processed", "completed"), row, strict=True))


def loops(
    epochs: Row = (1, 1, 0, 0),
    batches: Row = (3, 3, 3, 2),
    validation: Row = (2, 2, 2, 2),
    *,
    earlier: int = 0,
    is_last: bool = False,
    is_validation_last: bool = True,
) -> dict[str, Any]:
    """Return the progress of a fit with ``earlier`` batches in earlier epochs."""

    def progress(row: Row, before: int, is_last_batch: bool) -> dict[str, Any]:
        total = counters(row)
        total.update({name: count + before for name, count in total.items()})
        return {"current": counters(row), "total": total, "is_last_batch": is_last_batch}

    epoch = {"current": counters(epochs), "total": counters(epochs)}
    return {
        EPOCHS: epoch,
        BATCHES: progress(batches, earlier, is_last),
        VALIDATION: progress(validation, 0, is_validation_last),
    }


def saved(**options: Any) -> dict[str, Any]:
    plain = {"is_ending": False, "is_validation_due": False, "is_validating": False, "validated": 2, "log_step": 3}
    return {**plain, **options}


def validation_to_run(done: int = 2) -> dict[str, Any]:
    """Return the progress of a validation whose first batch has only started, after ``done`` of earlier ones."""
    total = {"ready": done + 1, "started": done + 1, "processed": done, "completed": done}
    return {"current": counters((0, 0, 0, 0)), "total": total, "is_last_batch": False}


# The first of each is the save, the second how Lightning gets it.
PLACES: dict[str, tuple[dict[str, Any], dict[str, Any], Place, dict[str, Any]]] = {
    "an epoch's end hook": (
        loops((2, 2, 2, 1), (8, 8, 8, 8), earlier=8, is_last=True),
        saved(),
        Place(2, 0),
        {
            EPOCHS: {"current": counters((2, 2, 2, 2)), "total": counters((2, 2, 2, 2))},
            BATCHES: {"current": counters((0,) * 4), "total": counters((16,) * 4), "is_last_batch": False},
        },
    ),
    "an epoch's start hook": (
        loops((2, 1, 1, 1), (8, 8, 8, 8), is_last=True),
        saved(),
        Place(1, 0),
        {BATCHES: {"current": counters((0,) * 4), "total": counters((8,) * 4), "is_last_batch": False}},
    ),
    "before the first epoch": (
        loops((0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), is_validation_last=False),
        saved(validated=0, log_step=0),
        Place(0, 0),
        {},
    ),
    "a batch's end": (loops((2, 2, 1, 1), earlier=8), saved(), Place(1, 3, is_inside=True), {}),
    "between two batches": (loops(batches=(3, 3, 3, 3)), saved(), Place(0, 3, is_inside=True), {}),
    "the last batch's end": (
        loops(batches=(8, 8, 8, 7), is_last=True),
        saved(is_ending=True),
        Place(0, 8, is_inside=True, is_over=True),
        {BATCHES: {"current": counters((8,) * 4), "total": counters((8,) * 4), "is_last_batch": True}},
    ),
    "the last batch's end before a validation": (
        loops(batches=(8, 8, 8, 7), earlier=8, is_last=True),
        saved(is_ending=True, is_validation_due=True),
        Place(0, 8, is_inside=True, is_over=True),
        {
            BATCHES: {"current": counters((8,) * 4), "total": counters((16,) * 4), "is_last_batch": True},
            VALIDATION: validation_to_run(),
        },
    ),
    "a batch's end before a validation": (
        loops(),
        saved(is_ending=True, is_validation_due=True),
        Place(0, 3, is_inside=True),
        {
            BATCHES: {"current": counters((3,) * 4), "total": counters((3,) * 4), "is_last_batch": False},
            VALIDATION: validation_to_run(),
        },
    ),
    "inside a batch": (
        loops(batches=(4, 4, 3, 3), earlier=8),
        saved(),
        Place(0, 3, is_inside=True),
        {BATCHES: {"current": counters((3,) * 4), "total": counters((11,) * 4), "is_last_batch": False}},
    ),
    "a batch's start hook": (
        loops(batches=(4, 3, 3, 3)),
        saved(),
        Place(0, 3, is_inside=True),
        {BATCHES: {"current": counters((3,) * 4), "total": counters((3,) * 4), "is_last_batch": False}},
    ),
    "inside the last batch": (
        loops(batches=(8, 8, 7, 7), is_last=True),
        saved(),
        Place(0, 7, is_inside=True),
        {BATCHES: {"current": counters((7,) * 4), "total": counters((7,) * 4), "is_last_batch": False}},
    ),
    "a validation's second batch, after one of two batches": (
        loops(batches=(3, 3, 3, 3), validation=(4, 4, 4, 3)),
        saved(is_validating=True, validated=1),
        Place(0, 3, is_inside=True),
        {VALIDATION: validation_to_run()},
    ),
    "a validation's start": (
        loops(batches=(8, 8, 8, 8), validation=(0, 0, 0, 0), is_last=True, is_validation_last=False),
        saved(is_validating=True, validated=0),
        Place(0, 8, is_inside=True, is_over=True),
        {VALIDATION: validation_to_run(0)},
    ),
    "a validation's end": (
        loops(batches=(8, 8, 8, 8), is_last=True),
        saved(),
        Place(0, 8, is_inside=True, is_over=True),
        {},
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_each_place_is_settled_once(name: str) -> None:
    before, how, place, changed = PLACES[name]
    given_loops, given_how = copy.deepcopy((before, how))
    expected = {**copy.deepcopy(before), **changed}
    for _ in range(2):
        assert settle(given_loops, given_how) == place
        assert given_loops == expected


@given(st.data())
def test_settling_twice_is_settling_once_and_no_batch_is_lost(data: st.DataObject) -> None:
    ready = data.draw(st.integers(0, 9))
    started, processed = (data.draw(st.sampled_from([ready, max(0, ready - 1)])) for _ in range(2))
    started = max(started, processed)
    completed = data.draw(st.sampled_from([processed, max(0, processed - 1)] if processed == ready else [processed]))
    epochs = data.draw(st.sampled_from([(1, 1, 0, 0), (1, 1, 1, 0), (2, 1, 1, 1), (2, 2, 1, 1)]))
    validation = (data.draw(st.integers(0, 5)),) * 4
    state = loops(epochs, (ready, started, processed, completed), validation, is_last=data.draw(st.booleans()))
    flags = {name: data.draw(st.booleans()) for name in ("is_ending", "is_validation_due", "is_validating")}
    how = saved(**flags, validated=data.draw(st.integers(0, validation[0])))
    total = state[BATCHES]["total"]["processed"]

    place = settle(state, how)
    once = copy.deepcopy(state)
    assert settle(state, how) == place
    assert state == once
    assert state[BATCHES]["total"]["processed"] == total
    assert place.batches == (processed if epochs[:3] in {(1, 1, 0), (2, 2, 1)} else 0)


def test_batches_are_renumbered_with_those_of_earlier_epochs() -> None:
    state = loops(batches=(3, 3, 3, 2), earlier=8)
    renumber(state, 6)
    assert state == {
        **loops(),
        BATCHES: {"current": counters((6, 6, 6, 5)), "total": counters((14, 14, 14, 13)), "is_last_batch": False},
    }
    renumber(state, 1)
    assert state[BATCHES]["current"] == counters((1, 1, 1, 0))
    assert state[BATCHES]["total"] == counters((9, 9, 9, 8))


class Diary(pl.Callback):
    """Writes down, at every hook, the moment and whether a window is open."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, dict[str, Any], bool]] = []

    def note(self, hook: str, trainer: pl.Trainer) -> None:
        self.rows.append((hook, moment(trainer), is_window_open(trainer)))

    @override
    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.note("epoch start", trainer)

    @override
    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, index: int) -> None:
        self.note(f"start {index}", trainer)

    @override
    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.note(f"end {trainer.fit_loop.batch_idx}", trainer)
        assert is_validation_due(trainer) is self.rows[-1][1]["is_validation_due"]

    @override
    def on_validation_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.note("validation start", trainer)

    @override
    def on_validation_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.note("validated", trainer)

    @override
    def on_validation_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.note("validation end", trainer)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.note("epoch end", trainer)


def row(hook: str, flags: str, step: int) -> tuple[str, str, int]:
    return hook, flags, step


def flags_of(now: dict[str, Any], window: bool) -> str:
    names = (("is_ending", "E"), ("is_validation_due", "D"), ("is_validating", "V"))
    return "".join(letter for name, letter in names if now[name]) + "W" * window


def rows_of(diary: Diary) -> Iterable[tuple[str, str, int]]:
    return [(hook, flags_of(now, window), now["log_step"]) for hook, now, window in diary.rows]


def test_the_moment_of_every_hook_with_accumulation_and_validation_inside_the_epoch() -> None:
    # E: ends an epoch or starts a validation, D: a validation is due, V: one is under way, W: a window is open.
    validation = [("validation start", "V"), ("validated", "V"), ("validated", "V"), ("validation end", "")]
    expected = [
        row("epoch start", "", 0),
        row("start 0", "", 0),
        row("end 0", "W", 0),
        row("start 1", "W", 0),
        row("end 1", "ED", 1),
        *(row(hook, flags, 1) for hook, flags in validation),
        row("start 2", "", 1),
        row("end 2", "W", 1),
        row("start 3", "W", 1),
        row("end 3", "ED", 2),
        *(row(hook, flags, 2) for hook, flags in validation),
        row("start 4", "", 2),
        row("end 4", "E", 3),
        row("epoch end", "", 3),
    ]
    diary = Diary()
    run = trainer(
        max_epochs=1, accumulate_grad_batches=2, val_check_interval=2, num_sanity_val_steps=0, callbacks=[diary]
    )
    run.fit(Validated(), loader(10), loader(4))
    assert rows_of(diary) == expected
    validated = [now["validated"] for hook, now, _ in diary.rows if hook.startswith("valid")]
    assert validated == [0, 0, 1, 2] * 2
    assert log_step(run) == run.global_step == 3


def test_a_validation_in_an_open_window_leaves_it_open() -> None:
    diary = Diary()
    options = {"accumulate_grad_batches": 2, "val_check_interval": 3, "num_sanity_val_steps": 0}
    trainer(max_epochs=1, callbacks=[diary], **options).fit(Validated(), loader(8), loader(2))
    inside = [entry for entry in rows_of(diary) if entry[0].startswith(("end 2", "valid", "start 3", "end 3"))]
    assert inside == [
        row("end 2", "EDW", 1),
        row("validation start", "VW", 1),
        row("validated", "VW", 1),
        row("validation end", "W", 1),
        row("start 3", "W", 1),
        row("end 3", "E", 2),
    ]


def test_without_validation_only_the_last_batch_ends_something() -> None:
    diary = Diary()
    run = trainer(max_epochs=2, callbacks=[diary])
    run.fit(Classifier(), loader(4))
    assert [entry for entry in rows_of(diary) if entry[0].startswith("end")] == [
        row("end 0", "", 1),
        row("end 1", "E", 2),
        row("end 0", "", 3),
        row("end 1", "E", 4),
    ]


def test_the_loggers_count_raw_steps_and_each_batch_once() -> None:
    class Raw(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> None:
            self.manual_backward(super().training_step(batch, batch_idx))
            optimizers: Any = self.optimizers(use_pl_optimizer=False)
            for optimizer in optimizers:
                optimizer.step()

        def configure_optimizers(self) -> Any:
            return [super().configure_optimizers(), super().configure_optimizers()]

    model = Raw()
    model.automatic_optimization = False
    run = trainer(max_epochs=1)
    run.fit(model, loader(4))
    assert (run.global_step, log_step(run)) == (0, 2)
