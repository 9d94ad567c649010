"""Trials of Optuna as rows."""

from pathlib import Path

import optuna

from lightning_regkit.tuning._rows import keep_table, rows_of
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._table import Row


def study_of(direction: str) -> optuna.Study:
    study = optuna.create_study(study_name=direction, direction=direction, storage=optuna.storages.InMemoryStorage())
    values = {"lr": 0.1}
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        "lr": optuna.distributions.FloatDistribution(0.01, 1.0)
    }
    attributes = {"scores": ["0.5", "0.75", "nan"], "curves": {"val_acc": ["0.5", "nan"]}, "samples_per_second": 9.0}
    trial = optuna.trial.create_trial(params=values, distributions=distributions, value=1.0, user_attrs=attributes)
    study.add_trial(trial)
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    return study


def test_the_best_is_by_direction() -> None:
    first, second = rows_of(study_of("maximize"), 3)
    assert (first.search, first.seed, first.state, first.values, first.epochs) == (
        "maximize",
        3,
        "complete",
        {"lr": 0.1},
        3,
    )
    assert (first.best, first.best_epoch, first.samples_per_second) == (0.75, 2, 9.0)
    assert first.curves["val_acc"][0] == 0.5
    assert second == Row("maximize", 1, "failed", 3, {})
    assert rows_of(study_of("minimize"), 3)[0].best == 0.5


def test_the_table_has_every_search_of_the_storage(tmp_path: Path) -> None:
    study = study_of("maximize")
    optuna.create_study(study_name="another", storage=study._storage).add_trial(optuna.trial.create_trial(value=1.0))
    keep_table(study, Setup())
    keep_table(study, Setup(tmp_path))
    lines = (tmp_path / "trials.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["search", "another", "maximize", "maximize"]
