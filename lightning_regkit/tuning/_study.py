"""Optuna: samplers, storages, pruners."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

import optuna
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._random import StreamKey, generator
from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._space import Between, Space
from lightning_regkit.tuning._storage import open_storage

__all__ = ["Keyed", "is_over", "open_study", "sober", "suggest"]

ENDED: Final = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


@final
class Keyed(optuna.samplers.BaseSampler):
    """Random search whose draws depend on the seed, the name and the number of the trial alone.

    So a search that goes on, or runs on several machines, never draws the same trial twice.

    Args:
        space: The hyperparameters.
        seed: At least 0.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed

    @override
    def infer_relative_search_space(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
        return {}

    @override
    def sample_relative(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {}

    @override
    def sample_independent(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, param_name: str, param_distribution: object
    ) -> Any:  # as Optuna has it
        key = StreamKey(seed=self._seed, rank=0, epoch=0, batch_idx=trial.number, purpose=f"search {param_name}")
        return self._space[param_name].at(float(generator(key).random()))


def open_study(space: Space, budget: Budget, folder: Path | None, seed: int) -> optuna.Study:
    """Begin a search, or go on with one of the same name in the same storage.

    Args:
        space: The hyperparameters.
        budget: Of the search.
        folder: For SQLite, where no storage is named.
        seed: Of the sampler.

    Raises:
        ValueError: The one of the same name is over other hyperparameters.
    """
    with sober():
        study = optuna.create_study(
            storage=open_storage(budget.storage, folder),
            sampler=_sampler(space, budget, seed),
            pruner=optuna.pruners.MedianPruner(n_warmup_steps=1) if budget.is_pruned else optuna.pruners.NopPruner(),
            study_name=budget.name,
            direction="maximize" if budget.mode == "max" else "minimize",
            load_if_exists=True,
        )
        _refuse_other_space(study, space)
    return study


def _refuse_other_space(study: optuna.Study, space: Space) -> None:
    for trial in study.get_trials(deepcopy=False, states=ENDED):
        if trial.params.keys() != space.keys():
            condition = f"hold the hyperparameters of the search {study.study_name!r} so far, {sorted(trial.params)}"
            remedy = "Begin another one: Budget(name=)."
            raise ValueError(message("tuning.search", "space", condition, sorted(space), remedy))


def is_over(study: optuna.Study, space: Space, budget: Budget) -> bool:
    """Tell whether as many trials have ended as the budget has, or the grid is through."""
    ended = study.get_trials(deepcopy=False, states=ENDED)
    if budget.sampler == "grid":
        cells = 1
        for each in space.values():
            cells *= len(each.grid())
        return len(ended) >= min(cells, budget.num_trials)
    return len(ended) >= budget.num_trials


@contextmanager
def sober() -> Iterator[None]:
    """Let Optuna say nothing below an error, and not that something is experimental."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _sampler(space: Space, budget: Budget, seed: int) -> optuna.samplers.BaseSampler:
    if budget.sampler == "grid":
        return optuna.samplers.GridSampler({name: list(each.grid()) for name, each in space.items()}, seed=seed)
    if budget.sampler == "quasi_random":
        return optuna.samplers.QMCSampler(scramble=True, seed=seed, independent_sampler=Keyed(space, seed))
    if budget.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    return Keyed(space, seed)


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """Have the sampler choose a value for every hyperparameter."""
    values: dict[str, Any] = {}
    for name, each in space.items():
        if isinstance(each, Between):
            values[name] = trial.suggest_float(name, each.low, each.high, log=each.is_log)
        else:
            values[name] = trial.suggest_categorical(name, each.values)
    return values
