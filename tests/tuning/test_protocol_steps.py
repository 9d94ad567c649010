"""What steps hand on to each other."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lightning_regkit.tuning import Among, Between, Budget, Proposal, Protocol, Row, SearchResult, Setup, Verdict
from lightning_regkit.tuning import _protocol_steps as steps
from lightning_regkit.tuning._progress import Found
from lightning_regkit.tuning._verdict import HEALTHY

ROW = Row("s", 0, "complete", 0, {"lr": 0.02, "weight_decay": 1e-4}, 2, 0.9, 2, 1.0, {"train_loss": (2.0, 1.0)})
FOUND = Proposal({"lr": Between(0.01, 0.04), "weight_decay": Among((1e-4, 0.0))}, "Look there.")


@pytest.fixture
def plan(tmp_path: Path) -> Protocol:
    return Protocol(None, None, Budget(name="4"), Budget(name="5"), Setup(tmp_path))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []

    def fake(module: Any, data: Any, space: Any, *, budget: Budget, setup: Setup) -> SearchResult:
        calls.append((space, budget.name))
        return SearchResult((ROW,), ROW, {}, FOUND, Verdict(HEALTHY, "Found."))

    monkeypatch.setattr(steps, "search", fake)
    return calls


def test_the_coarse_space_is_around_the_rates_of_step_3(plan: Protocol, asked: list[Any]) -> None:
    verdict, found = steps.STEPS[4]((None, None), Found({"rates": [0.01, 0.1]}), plan)
    steps.STEPS[4]((None, None), Found(), plan)
    assert [space["lr"].low for space, _ in asked] == [0.001, 0.001]
    assert [space["lr"].high for space, _ in asked] == pytest.approx([0.3, 0.03])
    assert asked[0][0]["weight_decay"].values == (1e-4, 1e-5, 0.0)
    assert verdict == Verdict(HEALTHY, "Found.")
    assert found == Found(
        {"round": [0], "curve train_loss": [2.0, 1.0]}, FOUND.space, {"lr": 0.02, "weight_decay": 1e-4}
    )


def test_the_space_of_the_user_comes_on_top(plan: Protocol, asked: list[Any]) -> None:
    space = {"lr": Among((0.5,)), "Mixup.alpha": Between(0.1, 1.0)}
    steps.STEPS[4]((None, None), Found({"rates": [0.01]}), replace(plan, space=space))
    assert asked == [({**space, "weight_decay": Among((1e-4, 1e-5, 0.0))}, "4")]


def test_a_refined_search_is_a_new_one_each_round(plan: Protocol, asked: list[Any]) -> None:
    space = {"lr": Between(0.01, 0.04), "optimizer": Among(("adamw",))}
    _, found = steps.STEPS[5]((None, None), Found({"round": [0]}, space), plan)
    steps.STEPS[5]((None, None), found, plan)
    assert asked == [(space, "5"), (FOUND.space, "5_2")]
    assert found.facts["round"] == [1]


def test_without_a_best_there_is_nothing_to_hand_on(plan: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = SearchResult((), None, {}, FOUND, Verdict("no score", "None."))
    monkeypatch.setattr(steps, "search", lambda *_, **__: empty)
    assert steps.STEPS[4]((None, None), Found(), plan) == (Verdict("no score", "None."), Found())


def test_curves_are_diagnosed_and_drawn(plan: Protocol, tmp_path: Path) -> None:
    losses = [2.3 * 0.05**epoch + 0.01 for epoch in range(8)]
    verdict, found = steps.STEPS[6]((None, None), Found({"curve train_loss": losses, "round": [1.0]}), plan)
    assert (verdict.cause, found) == ("healthy", Found())
    assert json.loads((tmp_path / "6_curves.json").read_text())["curves"]["train_loss"] == losses
    assert (tmp_path / "6_curves.png").exists()


def test_the_last_step_says_where_to_look(plan: Protocol, tmp_path: Path) -> None:
    best = {"lr": 0.02, "weight_decay": 0.0, "optimizer": "adamw"}
    verdict, _ = steps.STEPS[7]((None, None), Found({}, FOUND.space, best), plan)
    assert verdict.sentence == (
        "Go to step 5 again with lr from 0.01 to 0.04, weight_decay among 0.0001, 0.0, "
        "or train longer with lr=0.02, weight_decay=0, optimizer=adamw."
    )
    written = json.loads((tmp_path / "7_next.json").read_text())
    assert (written["space"]["lr"]["high"], written["best"]) == (0.04, best)


@pytest.mark.parametrize(
    ("trial", "ranged", "cause", "rates"),
    [(0.1, 0.05, "healthy", [0.1, 0.05]), (None, 0.05, "healthy", [0.05]), (None, None, "does not fall", [])],
)
def test_one_rate_is_enough(
    plan: Protocol, monkeypatch: pytest.MonkeyPatch, trial: Any, ranged: Any, cause: str, rates: list[float]
) -> None:
    class Result:
        def __init__(self, best: Any) -> None:
            self.best = self.suggested = best
            self.analysis = self
            self.verdict = Verdict(HEALTHY if best else "does not fall", "Said.")

    monkeypatch.setattr(steps, "rate_trials", lambda *_, **__: Result(trial))
    monkeypatch.setattr(steps, "range_test", lambda *_, **__: Result(ranged))
    verdict, found = steps.STEPS[3]((None, None), Found(), plan)
    assert (verdict.cause, verdict.sentence, found) == (cause, "Said. Said.", Found({"rates": rates}))
