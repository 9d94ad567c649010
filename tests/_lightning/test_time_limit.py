"""The time limit as Lightning keeps it, in real fits with a clock of the test's own."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import pytorch_lightning
from lightning.pytorch.callbacks import Timer

from lightning_regkit._lightning._time_limit import elapsed_s, refuse_untimely, time_limit
from tests.support import loader, trainer
from tests.timing import Clock, Paced


class Ask(pl.Callback):
    """Asks where our callbacks do."""

    def __init__(self) -> None:
        self.limits: list[float | None] = []
        self.elapsed: list[float] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.limits.append(time_limit(trainer))

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.elapsed.append(elapsed_s(trainer))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.limits.append(time_limit(trainer))


def paced(clock: Clock) -> Paced:
    return Paced(clock, lambda now_s: 2.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


def test_it_is_that_of_max_time_and_the_clock_that_of_training(clock: Clock) -> None:
    ask = Ask()
    run = trainer(max_epochs=-1, max_time={"seconds": 7}, callbacks=[ask])
    assert time_limit(run) == 7, "before a fit"
    run.fit(paced(clock), loader())
    assert ask.elapsed == [0, 2, 4, 6]
    assert ask.limits == [7] * 5


@pytest.mark.parametrize(
    ("options", "limit_s"),
    [
        ({}, None),
        ({"callbacks": [Timer()]}, None),  # it only measures
        ({"callbacks": [Timer(timedelta(minutes=2))]}, 120),
        ({"callbacks": [Timer("00:00:03:00", interval="epoch")]}, 180),
        ({"callbacks": [pytorch_lightning.callbacks.Timer("00:00:03:00")]}, 180),
        ({"max_time": "01:00:00:00"}, 86_400),
    ],
)
def test_where_it_is_found(options: dict[str, Any], limit_s: float | None) -> None:
    assert time_limit(trainer(max_epochs=1, **options)) == limit_s


def test_all_processes_take_the_clock_of_the_first() -> None:
    timer = Timer("00:00:03:00")
    other: Any = SimpleNamespace(callbacks=[timer], strategy=SimpleNamespace(broadcast=lambda value: value + 100.0))
    assert elapsed_s(other) == 100


def test_a_resumed_clock_goes_on(clock: Clock) -> None:
    timer = Timer("00:00:03:00")
    timer.load_state_dict({"time_elapsed": {"train": 50.0}})
    run = trainer(max_epochs=1, callbacks=[timer, ask := Ask()])
    assert time_limit(run) == 180
    run.fit(paced(clock), loader())
    assert ask.elapsed == [50, 52, 54, 56, 58]


def test_a_second_fit_of_one_trainer_has_no_clock_and_is_refused(clock: Clock) -> None:
    run = trainer(max_epochs=1, max_time={"seconds": 100}, callbacks=[ask := Ask()])
    model = paced(clock)
    refuse_untimely("Thing", run)
    run.fit(model, loader())
    with pytest.raises(ValueError, match="Thing") as refusal:
        refuse_untimely("Thing", run)
    assert str(refusal.value) == (
        "Thing: max_time must be that of a Trainer's first fit, got 'a later one'. "
        "Make a new Trainer: Lightning's Timer stands still in a second fit."
    )
    run.fit_loop.max_epochs = 2
    run.fit(model, loader())
    assert len(set(ask.elapsed[5:])) == 1, "it does stand still"


@pytest.mark.parametrize(("name", "value"), [("min_steps", 3), ("min_epochs", 2)])
def test_what_holds_the_run_back_is_refused(name: str, value: int, clock: Clock) -> None:
    options = {name: value, "max_epochs": 3}
    refuse_untimely("Thing", trainer(**options))
    run = trainer(max_time={"seconds": 3}, **options)
    with pytest.raises(ValueError, match="Thing") as refusal:
        refuse_untimely("Thing", run)
    assert str(refusal.value) == (
        f"Thing: {name} must be left out with max_time, got {value}. Lightning goes on past the time limit until then."
    )
    run.fit(paced(clock), loader())
    assert clock.now_s > 4, "it does go on"


def test_what_lightning_sets_itself_is_no_minimum(clock: Clock) -> None:
    run = trainer(max_epochs=1, max_time={"seconds": 3})
    run.fit(paced(clock), loader())
    assert (run.min_steps, run.min_epochs) == (None, 0)
