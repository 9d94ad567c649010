"""What mattered, and where to look next, on functions whose optimum is known."""

import math
from typing import Any

import numpy as np
import pytest

from lightning_regkit.tuning._propose import importance, propose
from lightning_regkit.tuning._space import Among, Between
from lightning_regkit.tuning._table import Row


def row(best: float | None, **values: Any) -> Row:
    return Row("s", 0, "complete", 0, values, 1, best, 1)


def drawn(count: int, seed: int = 0) -> list[Row]:
    """Make trials in which the rate alone matters, best at 1e-2."""
    generator = np.random.default_rng(seed)
    rates = 10 ** generator.uniform(-4, 0, count)
    others = generator.uniform(0, 1, count)
    return [
        row(-abs(math.log10(lr) + 2), lr=float(lr), other=float(o), kind="ab"[i % 2])
        for i, (lr, o) in enumerate(zip(rates, others, strict=True))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_explains_and_the_others_do_not(seed: int) -> None:
    rows = drawn(40, seed)
    assert importance(rows, "lr") > 0.5
    assert importance(rows, "other") < 0.3
    assert importance(rows, "kind") < 0.2


def test_importance_by_hand() -> None:
    rows = [row(1.0, a=1), row(3.0, a=1), row(5.0, a=2), row(7.0, a=2)]
    assert importance(rows, "a") == pytest.approx(16 / 20)
    assert importance([*rows, row(None, a=3), row(9.0, b=1)], "a") == pytest.approx(16 / 20)
    assert importance([row(1.0, a=1), row(1.0, a=2)], "a") == 0
    assert importance([], "a") == 0
    assert importance([row(1.0, a=None), row(2.0, a="x")], "a") == 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mode", ["max", "min"])
def test_the_next_interval_holds_the_optimum_and_is_smaller(mode: Any, seed: int) -> None:
    sign = 1 if mode == "max" else -1
    rows = [row(sign * (each.best or 0), **each.values) for each in drawn(24, seed)]
    space = {"lr": Between(1e-4, 1.0), "kind": Among(("a", "b", "c"))}
    found = propose(rows, space, mode=mode)
    lr, kind = found.space["lr"], found.space["kind"]
    assert isinstance(lr, Between)
    assert isinstance(kind, Among)
    assert 1e-4 <= lr.low < 1e-2 < lr.high <= 1.0
    assert lr.high / lr.low < 1e3
    assert set(kind.values) <= {"a", "b"}
    assert "lr: look from " in found.sentence


@pytest.mark.parametrize(("sign", "side"), [(1, "upper"), (-1, "lower")])
@pytest.mark.parametrize("is_log", [True, False])
def test_an_edge_is_moved(sign: int, side: str, is_log: bool) -> None:
    space = {"lr": Between(1.0, 2.0, is_log=is_log)}
    rows = [row(sign * k, lr=1.0 + k / 10) for k in range(11)]
    found = propose(rows, space)
    lr = found.space["lr"]
    assert isinstance(lr, Between)
    assert (lr.high > 2 and lr.low > 1) if sign > 0 else (lr.low < 1 and lr.high < 2)
    assert found.sentence.endswith(f"lr is best at its {side} edge: look beyond it.")


@pytest.mark.parametrize(("sign", "low", "high"), [(1, 0.75, 1.0), (-1, 0.0, 0.25)])
def test_what_may_end_there_stays_inside(sign: int, low: float, high: float) -> None:
    space = {"Mixup.probability": Between(0.0, 1.0, is_log=False)}
    rows = [row(sign * k, **{"Mixup.probability": k / 10}) for k in range(11)]
    found = propose(rows, space)
    assert found.space == {"Mixup.probability": Between(low, high, is_log=False)}
    assert found.sentence.endswith(f"{'upper' if sign > 0 else 'lower'} edge: look beyond it if it may go beyond.")


def test_one_value_is_given_room() -> None:
    found = propose([row(float(k == 0), lr=0.01) for k in range(3)], {"lr": Between(1e-4, 1.0)})
    lr = found.space["lr"]
    assert isinstance(lr, Between)
    assert lr.low < 0.01 < lr.high


def test_of_other_values_the_better_half_keeps_its_own() -> None:
    rows = [row(float(-k), lr=0.01, kind="aabbcccc"[k]) for k in range(8)]
    kind = propose(rows, {"kind": Among(("c", "b", "a"))}).space["kind"]
    assert isinstance(kind, Among)
    assert kind.values == ("b", "a")


def test_two_trials_are_too_few() -> None:
    space = {"lr": Between(1e-4, 1.0)}
    found = propose([row(1.0, lr=0.1), row(2.0, lr=0.2), row(None, lr=0.2)], space)
    assert (found.space, found.sentence) == (space, "2 trials are too few to look elsewhere.")


def test_the_sentence_names_the_best() -> None:
    rows = [row(0.5, lr=0.1, kind="a"), row(0.75, lr=0.01, kind="b"), row(0.25, lr=0.001, kind="a")]
    found = propose(rows, {"lr": Between(1e-4, 1.0)})
    assert found.sentence.startswith("The best trial has 0.75 with lr=0.01, kind=b. lr: look from ")
