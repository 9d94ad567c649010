"""Samplers, storages, and when a search is over."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from lightning_regkit.tuning import _storage
from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._space import Among, Between
from lightning_regkit.tuning._study import is_over, open_study, sober, suggest

SPACE = {"lr": Between(1e-4, 1e-1), "weight_decay": Among((1e-4, 1e-5, 0.0))}


def run(study: optuna.Study, count: int) -> list[dict[str, Any]]:
    with sober():
        study.optimize(lambda trial: suggest(trial, SPACE)["lr"], n_trials=count)
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("sampler", ["random", "grid", "quasi_random", "tpe"])
def test_every_sampler_stays_inside_and_repeats(sampler: Any) -> None:
    budget = Budget(sampler=sampler)
    first, second = (run(open_study(SPACE, budget, None, 3), 6) for _ in range(2))
    assert first == second
    assert all(1e-4 <= params["lr"] <= 1e-1 and params["weight_decay"] in {1e-4, 1e-5, 0.0} for params in first)
    assert len({params["lr"] for params in first}) > 1
    assert run(open_study(SPACE, budget, None, 4), 6) != first


def test_a_search_that_goes_on_draws_what_it_would_have_drawn(tmp_path: Path) -> None:
    whole = run(open_study(SPACE, Budget(), None, 0), 6)
    run(open_study(SPACE, Budget(), tmp_path, 0), 2)
    assert run(open_study(SPACE, Budget(), tmp_path, 0), 4) == whole


def test_a_search_does_not_go_on_over_another_space(tmp_path: Path) -> None:
    run(open_study(SPACE, Budget(), tmp_path, 0), 1)
    with pytest.raises(ValueError, match="so far") as refused:
        open_study({"lr": Between(1e-4, 1e-1)}, Budget(), tmp_path, 0)
    assert str(refused.value) == (
        "tuning.search: space must hold the hyperparameters of the search 'coarse' so far, ['lr', 'weight_decay'], got "
        "['lr']. Begin another one: Budget(name=)."
    )
    open_study({"lr": Between(1e-4, 1e-1)}, Budget(name="other"), tmp_path, 0)


STORAGES: list[Callable[[Path], str | None]] = [
    lambda folder: None,
    lambda folder: f"sqlite:///{folder}/elsewhere.db",
    lambda folder: f"{folder}/shared/search.journal",
]


@pytest.mark.parametrize("storage", range(3))
def test_storages_remember(tmp_path: Path, storage: int) -> None:
    budget = Budget(storage=STORAGES[storage](tmp_path), num_trials=3)
    run(open_study(SPACE, budget, tmp_path, 0), 2)
    again = open_study(SPACE, budget, tmp_path, 0)
    assert len(again.trials) == 2
    assert not is_over(again, SPACE, budget)
    run(again, 1)
    assert is_over(again, SPACE, budget)


def test_a_database_needs_no_folder(tmp_path: Path) -> None:
    budget = Budget(storage=f"sqlite:///{tmp_path}/x.db")
    run(open_study(SPACE, budget, None, 0), 1)
    assert (tmp_path / "x.db").exists()


@pytest.mark.parametrize(("num_trials", "expected"), [(5, 5), (99, 12)])
def test_a_grid_ends_when_it_is_through(num_trials: int, expected: int) -> None:
    budget = Budget(sampler="grid", num_trials=num_trials)
    study = open_study(SPACE, budget, None, 0)
    count = 0
    while not is_over(study, SPACE, budget):
        count += 1
        run(study, 1)
    assert count == expected
    assert len({tuple(trial.params.values()) for trial in study.trials}) == expected


def test_directions_and_pruners() -> None:
    study = open_study(SPACE, Budget(mode="min", is_pruned=False), None, 0)
    assert study.direction.name == "MINIMIZE"
    assert isinstance(study.pruner, optuna.pruners.NopPruner)
    assert isinstance(open_study(SPACE, Budget(), None, 0).pruner, optuna.pruners.MedianPruner)


def test_killed_trials_are_made_again(tmp_path: Path) -> None:
    budget = Budget(num_trials=2)
    study = open_study(SPACE, budget, tmp_path, 0)
    storage: Any = study._storage
    assert storage.get_heartbeat_interval() == 60
    with pytest.warns(UserWarning, match="Heartbeat"):
        trial = study.ask()
    values = suggest(trial, SPACE)
    callback = storage.get_heartbeat_stale_trial_callback()
    study._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.FAIL)
    callback(study, study._storage.get_trial(trial._trial_id))
    again = run(open_study(SPACE, budget, tmp_path, 0), 1)
    assert again[1] == values


KILLED = """
import os, sqlite3, sys, time
from pathlib import Path
from lightning_regkit.tuning import _storage, _study, Among, Between, Budget
_storage.HEARTBEAT = 1
space = {"lr": Between(1e-4, 1e-1), "weight_decay": Among((1e-4, 1e-5, 0.0))}
study = _study.open_study(space, Budget(sampler="tpe"), Path(sys.argv[1]), 0)
def objective(trial):
    _study.suggest(trial, space)
    if trial.number == 1:  # killed after its first sign of life, which a thread gives
        rows = sqlite3.connect(sys.argv[1] + "/trials.db")
        while not rows.execute("select 1 from trial_heartbeats where trial_id = ?", (trial._trial_id,)).fetchone():
            time.sleep(0.05)
        os.kill(os.getpid(), 9)
    return 0.5
with _study.sober():
    study.optimize(objective, n_trials=3)
"""


@pytest.mark.slow
def test_a_process_that_was_killed_leaves_its_trial_to_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    monkeypatch.setattr(_storage, "HEARTBEAT", 1)
    budget = Budget(num_trials=3)
    before = open_study(SPACE, budget, tmp_path, 0).get_trials()
    assert [trial.state.name for trial in before] == ["COMPLETE", "RUNNING"]
    time.sleep(3)
    study = open_study(SPACE, budget, tmp_path, 0)
    while not is_over(study, SPACE, budget):
        run(study, 1)
    first, killed, again, last = study.get_trials()
    assert [trial.state.name for trial in (first, killed, again, last)] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert again.params == killed.params == before[1].params
    assert last.params != again.params


WORKER = """
import sys
from pathlib import Path
from lightning_regkit.tuning import _study, Among, Between, Budget
space = {"lr": Between(1e-4, 1e-1), "weight_decay": Among((1e-4, 1e-5, 0.0))}
budget = Budget(num_trials=12, storage=sys.argv[1])
study = _study.open_study(space, budget, Path("unused"), 0)
with _study.sober():
    while not _study.is_over(study, space, budget):
        study.optimize(lambda trial: _study.suggest(trial, space)["lr"], n_trials=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["journal", "database"])
def test_processes_that_share_a_storage_draw_what_one_would_have_drawn(tmp_path: Path, storage: str) -> None:
    place = f"{tmp_path}/shared.journal" if storage == "journal" else f"sqlite:///{tmp_path}/shared.db"
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, place], cwd=tmp_path) for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    shared = open_study(SPACE, Budget(num_trials=12, storage=place), None, 0).get_trials()
    assert len(shared) in {12, 13}  # both may begin one when one is left
    assert [trial.params for trial in shared] == run(open_study(SPACE, Budget(), None, 0), len(shared))


def test_sobriety_ends() -> None:
    level = optuna.logging.get_verbosity()
    with sober():
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    assert optuna.logging.get_verbosity() == level
