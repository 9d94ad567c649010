"""What Optuna asks of a trial."""

import math
from typing import Any

import optuna
import pytest

from lightning_regkit.tuning import _objective
from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._objective import objective
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._space import Among
from lightning_regkit.tuning._study import open_study
from lightning_regkit.tuning._trial import Ended

SPACE = {"lr": Among((0.1,))}


def asked(monkeypatch: pytest.MonkeyPatch, scores: list[float], mode: Any = "max") -> tuple[optuna.Trial, float]:
    """Ask for a trial that has these scores, up to the one at which it is hopeless."""

    def fake(task: Any, values: Any, budget: Budget, setup: Setup, is_hopeless: Any) -> Ended:
        kept = []
        for epoch, score in enumerate(scores):
            kept.append(score)
            if is_hopeless(epoch, score):
                return Ended(tuple(kept), {"train_loss": tuple(kept)}, 5.0, is_pruned=True)
        return Ended(tuple(kept), {"train_loss": tuple(kept)}, 5.0)

    monkeypatch.setattr(_objective, "run_trial", fake)
    budget = Budget(epochs=len(scores), mode=mode)
    study = open_study(SPACE, budget, None, 0)
    for _ in range(5):
        study.add_trial(optuna.trial.create_trial(value=0.5, intermediate_values={0: 0.5, 1: 0.5, 2: 0.5}))
    trial = study.ask()
    return trial, objective(trial, (None, None), (SPACE, budget), Setup())


@pytest.mark.parametrize(("mode", "expected"), [("max", 0.9), ("min", 0.2)])
def test_the_best_epoch_counts(monkeypatch: pytest.MonkeyPatch, mode: Any, expected: float) -> None:
    trial, value = asked(monkeypatch, [0.9, 0.2] if mode == "min" else [0.2, 0.9], mode)
    assert value == expected
    assert trial.user_attrs["samples_per_second"] == 5.0
    assert [float(score) for score in trial.user_attrs["scores"]] == ([0.9, 0.2] if mode == "min" else [0.2, 0.9])


def test_a_trial_below_the_median_is_pruned_but_not_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(optuna.TrialPruned):
        asked(monkeypatch, [0.1, 0.1, 0.9])
    assert asked(monkeypatch, [0.6, 0.1])[1] == 0.6


@pytest.mark.parametrize("scores", [[math.nan], [0.9, math.inf, 0.9]])
def test_a_score_that_is_not_finite_ends_it(monkeypatch: pytest.MonkeyPatch, scores: list[float]) -> None:
    with pytest.raises(optuna.TrialPruned):
        asked(monkeypatch, scores)
