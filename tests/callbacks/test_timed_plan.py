"""Snapshot runs with a time limit, in real fits whose clock is the test's own."""

import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import pytorch_lightning
import torch
from lightning.pytorch.callbacks import LearningRateFinder, Timer

from lightning_regkit.callbacks import SnapshotEnsemble
from lightning_regkit.callbacks._timed_plan import TimedPlan
from lightning_regkit.ensemble import read_manifest, read_member
from lightning_regkit.ensemble._timed_run import timed_run
from lightning_regkit.schedules import CyclicCosine, Horizon, compose
from tests.callbacks.ensembles import data, lines
from tests.support import trainer
from tests.timing import Clock, Paced, Save, Validated

pytestmark = [
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch"),
]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


@pytest.fixture
def said(logs_of_lightning: None, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    return caplog


def fitted(model: Paced, snapshots: SnapshotEnsemble, *others: pl.Callback, **options: Any) -> pl.Trainer:
    """Fit with 100 seconds, in epochs of three batches, and validations if the module has any."""
    ckpt_path = options.pop("ckpt_path", None)
    own = {"max_epochs": -1, "max_time": {"seconds": 100}, "num_sanity_val_steps": 1, **options}
    run = trainer(callbacks=[snapshots, *others], **own)
    validation = data() if isinstance(model, Validated) else None
    run.fit(model, data(), validation, ckpt_path=ckpt_path, weights_only=None if ckpt_path is None else True)
    return run


def steps_of(folder: Path) -> list[int]:
    return [member.step for member in read_manifest(folder)]


def factors(model: Paced, *ends: int) -> list[list[float]]:
    return [[rate / 0.1 for rate in model.rates[start:end]] for start, end in pairwise([0, *ends])]


def falls_to_the_floor(cycles: list[list[float]]) -> bool:
    return all(
        cycle[0] == 1 and cycle[-1] == 0 and all(before >= after for before, after in pairwise(cycle))
        for cycle in cycles
    )


def test_the_run_ends_at_a_minimum_before_its_time(tmp_path: Path, clock: Clock, said: Any) -> None:
    model = Paced(clock)
    run = fitted(model, SnapshotEnsemble(3, tmp_path))
    assert steps_of(tmp_path) == [33, 66, 99]
    assert [member.rate for member in read_manifest(tmp_path)] == [0, 0, 0]
    assert run.global_step == 99
    assert clock.now_s == 1099
    schedule = compose(CyclicCosine(3), Horizon(99))
    expected = [0.1 * schedule(step) for step in range(99)]
    assert model.rates[2:] == pytest.approx(expected[2:]), "exactly the counted cycles"
    assert model.rates[:2] == [0.1, 0.1], "until time is measured"
    weights = read_member(tmp_path, read_manifest(tmp_path)[-1])
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items() if name in weights)
    first, *_, last = lines(said, "SnapshotEnsemble")
    planned = "takes 3 members in 0:01:40 of training, at ends of cycles planned from the time of a step"
    assert first == f"SnapshotEnsemble: {planned}, into {tmp_path}."
    assert last == "SnapshotEnsemble: stops the run after step 99, for the last of 3 cycles has ended."


def test_validations_take_their_share_of_the_time(tmp_path: Path, clock: Clock) -> None:
    model = Validated(clock)
    run = fitted(model, SnapshotEnsemble(3, tmp_path, monitor="at_step"), max_time={"seconds": 400})
    ends = steps_of(tmp_path)
    assert len(ends) == 3
    assert ends[-1] == run.global_step
    assert 100 < ends[-1] <= 150, "of 3 steps and 5 seconds"
    assert clock.now_s <= 1400 + 6
    assert falls_to_the_floor(factors(model, *ends))
    assert read_manifest(tmp_path)[-1].score == ends[-1], "Lightning validates when a run is stopped"


@pytest.mark.parametrize("timer", [Timer, pytorch_lightning.callbacks.Timer], ids=["new", "old"])
@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_a_timer_of_the_users_own_is_a_limit_too(timer: Any, interval: str, tmp_path: Path, clock: Clock) -> None:
    model = Paced(clock)
    fitted(model, SnapshotEnsemble(2, tmp_path), timer("00:00:00:40", interval=interval), max_time=None)
    assert steps_of(tmp_path) == [20, 39]
    assert len(model.rates) == 39


def test_a_timer_without_limit_is_none(tmp_path: Path, clock: Clock) -> None:
    fitted(Paced(clock), SnapshotEnsemble(2, tmp_path), Timer(), max_time=None, max_epochs=4)
    assert steps_of(tmp_path) == [6, 12]


@pytest.mark.parametrize(
    ("options", "bound"), [({"max_epochs": 5}, 15), ({"max_steps": 20}, 20), ({"max_epochs": 9, "max_steps": 20}, 20)]
)
def test_the_runs_own_bound_counts_where_it_comes_first(
    options: dict[str, int], bound: int, tmp_path: Path, clock: Clock, said: Any
) -> None:
    model = Paced(clock)
    fitted(model, SnapshotEnsemble(2, tmp_path), **options)
    assert steps_of(tmp_path) == [(bound + 1) // 2, bound]
    assert falls_to_the_floor(factors(model, *steps_of(tmp_path)))
    schedule = compose(CyclicCosine(2), Horizon(bound))
    assert model.rates == pytest.approx([0.1 * schedule(step) for step in range(bound)]), "from the first step on"
    first, *_, last = lines(said, "SnapshotEnsemble")
    assert f"takes 2 members in 0:01:40 of training or {bound} steps, whichever end first, at ends" in first
    assert "member 2" in last, "it need not stop what ends by itself"


@pytest.mark.parametrize("warmup", ["6step", "2ep", 6])
def test_the_first_cycle_begins_after_the_warmup(warmup: int | str, tmp_path: Path, clock: Clock) -> None:
    model = Paced(clock)
    fitted(model, SnapshotEnsemble(3, tmp_path, warmup=warmup))
    assert steps_of(tmp_path) == [37, 68, 99]
    schedule = compose(CyclicCosine(3), Horizon(99), warmup=6)
    assert model.rates == pytest.approx([0.1 * schedule(step) for step in range(99)])


def test_windows_of_accumulation_are_steps(tmp_path: Path, clock: Clock) -> None:
    model = Paced(clock)
    run = fitted(model, SnapshotEnsemble(3, tmp_path), accumulate_grad_batches=3)
    assert steps_of(tmp_path) == [11, 22, 32], "of 97 seconds"
    assert run.global_step == 32
    assert clock.now_s == 1096
    assert falls_to_the_floor(factors(model, *steps_of(tmp_path)))


def test_no_cycle_takes_its_members_at_those_times_and_leaves_the_rate(tmp_path: Path, clock: Clock) -> None:
    model = Paced(clock)
    fitted(model, SnapshotEnsemble(3, tmp_path, control="no_cycle"))
    assert steps_of(tmp_path) == [33, 66, 99]
    assert model.rates == [0.1] * 99


class Momenta(pl.Callback):
    def __init__(self) -> None:
        self.fresh: list[int] = []

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if not trainer.optimizers[0].state:
            self.fresh.append(trainer.global_step)


def test_single_cycle_begins_each_anew(tmp_path: Path, clock: Clock) -> None:
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path, control="single_cycle"), momenta := Momenta())
    assert steps_of(tmp_path) == [33, 66, 99]
    assert momenta.fresh == [0, 33, 66]


@pytest.mark.parametrize("control", [None, "no_cycle"])
def test_where_the_timer_comes_first_complete_cycles_are_kept(
    control: str | None, tmp_path: Path, clock: Clock, said: Any
) -> None:
    model = Paced(clock, lambda now_s: 1.0 if now_s < 1090 else 15.0)
    fitted(model, SnapshotEnsemble(3, tmp_path, control=control))
    assert steps_of(tmp_path) == [33, 66]
    assert len(model.rates) == 91
    rate = ", its rate at x0.146 of the base rate" if control is None else ""
    assert lines(said, "SnapshotEnsemble")[-1] == (
        f"SnapshotEnsemble: the run ended at step 91, before the end of cycle 3 of 3{rate}: no member is taken of it."
    )
    if control is None:
        assert model.rates[-1] == pytest.approx(0.1 * 0.146, rel=1e-2)


def test_a_run_that_ends_in_its_warmup_has_no_member(tmp_path: Path, clock: Clock, said: Any) -> None:
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path, warmup=200))
    assert steps_of(tmp_path) == []
    assert "at step 100, before the end of cycle 1 of 3, its rate at x0.498 of the base rate" in said.text


def test_a_pause_beyond_the_limit_leaves_one_last_step(tmp_path: Path, clock: Clock) -> None:
    class Pauses(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            clock.now_s += 20 if trainer.global_step == 87 else 0  # a file that takes long to write

    model = Paced(clock)
    fitted(model, SnapshotEnsemble(3, tmp_path), Pauses())
    assert steps_of(tmp_path) == [33, 66, 88]
    assert len(model.rates) == 88
    assert model.rates[-2] > 0.01
    assert model.rates[-1] == 0


@pytest.mark.parametrize("step", [1, 20, 33, 34, 98])
def test_a_resumed_run_goes_on_with_its_plan_and_its_clock(step: int, tmp_path: Path, clock: Clock) -> None:
    path, first = tmp_path / "at.ckpt", Paced(clock)
    fitted(first, SnapshotEnsemble(3, tmp_path / "members"), Save(step, path, stops=True))
    taken = steps_of(tmp_path / "members")
    clock.now_s += 10_000  # between the two
    model = Paced(clock)
    fitted(model, SnapshotEnsemble(3, tmp_path / "members"), ckpt_path=path)
    assert steps_of(tmp_path / "members") == [33, 66, 99]
    assert steps_of(tmp_path / "members")[: len(taken)] == taken
    schedule = compose(CyclicCosine(3), Horizon(99))
    rates = (first.rates + model.rates)[max(step + 2, 2) :]
    assert rates == pytest.approx([0.1 * schedule(at) for at in range(99)][max(step + 2, 2) :])
    assert falls_to_the_floor([[rate / 0.1 for rate in (first.rates + model.rates)[:33]]])


def test_a_resumed_run_on_a_slower_machine_plans_anew(tmp_path: Path, clock: Clock) -> None:
    path, first = tmp_path / "at.ckpt", Paced(clock)
    fitted(first, SnapshotEnsemble(3, tmp_path / "members"), Save(50, path, stops=True))
    model = Paced(clock, lambda now_s: 2.5)
    fitted(model, SnapshotEnsemble(3, tmp_path / "members"), ckpt_path=path)
    ends = steps_of(tmp_path / "members")
    assert ends == [33, 53, 69], "after step 52 there are 42.5 seconds for 17 steps, and 19 are done"
    assert falls_to_the_floor(
        [[rate / 0.1 for rate in (first.rates + model.rates)[start:end]] for start, end in pairwise([0, *ends])]
    )


def test_a_run_that_is_over_makes_no_step_when_resumed(tmp_path: Path, clock: Clock, said: Any) -> None:
    path = tmp_path / "at.ckpt"
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path / "members"), Save(99, path))
    model = Paced(clock)
    fitted(model, SnapshotEnsemble(3, tmp_path / "members"), ckpt_path=path, max_time={"seconds": 500})
    assert model.rates == []
    assert steps_of(tmp_path / "members") == [33, 66, 99]
    more = Paced(clock)
    fitted(more, SnapshotEnsemble(4, tmp_path / "members"), ckpt_path=path, max_time={"seconds": 150})
    assert steps_of(tmp_path / "members") == [33, 66, 99, 149]
    assert len(more.rates) == 50


def test_a_counted_run_may_go_on_with_a_limit_and_a_limited_one_without(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "at.ckpt"
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path / "a"), Save(14, path), max_time=None, max_epochs=10)
    assert steps_of(tmp_path / "a") == [10, 20, 30]
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path / "a"), ckpt_path=path)
    assert steps_of(tmp_path / "a")[0] == 10
    assert len(steps_of(tmp_path / "a")) == 3
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path / "b"), Save(50, path))
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path / "b"), ckpt_path=path, max_time=None, max_epochs=40)
    assert steps_of(tmp_path / "b") == [33, 80, 120]


def test_a_second_fit_of_one_callback_starts_anew(tmp_path: Path, clock: Clock) -> None:
    snapshots = SnapshotEnsemble(3, tmp_path)
    fitted(Paced(clock), snapshots)
    for path in tmp_path.iterdir():
        path.unlink()
    model = Paced(clock)
    fitted(model, snapshots)
    assert steps_of(tmp_path) == [33, 66, 99]
    assert model.rates[0] == 0.1


def test_a_finders_trial_takes_no_time(tmp_path: Path, clock: Clock) -> None:
    finder = LearningRateFinder(num_training_steps=20, early_stop_threshold=None)
    fitted(Paced(clock), SnapshotEnsemble(3, tmp_path / "members"), finder, default_root_dir=tmp_path)
    assert steps_of(tmp_path / "members") == [33, 66, 99]


def test_it_pickles_before_a_fit() -> None:
    plan = pickle.loads(pickle.dumps(TimedPlan(timed_run(2, 60.0, warmup_steps=2))))
    assert [plan.factor(step) for step in range(3)] == [0.5, 0.75, 1]
    assert plan.describe() == TimedPlan(timed_run(2, 60.0)).describe()
