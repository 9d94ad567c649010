"""Trials of Optuna as rows of a table."""

import math
from typing import Any

import optuna

from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._table import Row, write_table

__all__ = ["keep_table", "rows_of"]


def keep_table(study: optuna.Study, setup: Setup) -> None:
    """Write ``trials.csv``: all searches of the storage, if there is a folder."""
    if setup.path is not None:
        storage = study._storage  # noqa: SLF001  # nowhere public
        names = optuna.study.get_all_study_names(storage)
        studies = [optuna.load_study(study_name=name, storage=storage) for name in sorted(names)]
        write_table(setup.path / "trials.csv", [row for each in studies for row in rows_of(each, setup.seed)])


def rows_of(study: optuna.Study, seed: int) -> tuple[Row, ...]:
    """Describe all trials of a search, in order."""
    return tuple(_row(study, trial, seed) for trial in study.trials)


def _row(study: optuna.Study, trial: optuna.trial.FrozenTrial, seed: int) -> Row:
    attributes: dict[str, Any] = trial.user_attrs
    scores = [float(score) for score in attributes.get("scores", ())]
    finite = [score for score in scores if math.isfinite(score)]
    best = None if not finite else (max(finite) if study.direction.name == "MAXIMIZE" else min(finite))
    return Row(
        study.study_name,
        trial.number,
        trial.state.name.lower().replace("fail", "failed"),
        seed,
        dict(trial.params),
        len(scores),
        best,
        None if best is None else scores.index(best) + 1,
        attributes.get("samples_per_second"),
        {name: tuple(map(float, curve)) for name, curve in attributes.get("curves", {}).items()},
    )
