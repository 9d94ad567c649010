"""Crops on two processes: metrics and curve are those of one, and each process has what it predicted."""

from typing import Any

import pytest

from tests.ddp.multi_crop import COUNT, KINDS
from tests.ddp.multi_crop import run as alone
from tests.ddp.support import RANKS, run
from tests.support import trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

BOTH = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("multi_crop", tmp_path_factory.mktemp("multi_crop"))


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return alone(trainer, tmp_path_factory.mktemp("single"))


def timeless(metrics: dict[str, float]) -> dict[str, Any]:
    return {name: pytest.approx(value, rel=1e-5) for name, value in metrics.items() if "/ms_" not in name}


@BOTH
@pytest.mark.parametrize("stage", ["test", "validate"])
def test_metrics_are_those_of_one_process(
    kind: str, stage: str, ranks: list[dict[str, Any]], single: dict[str, Any]
) -> None:
    for found in ranks:
        assert found[kind][stage].keys() == single[kind][stage].keys()
        expected = timeless(single[kind][stage])
        assert {name: value for name, value in found[kind][stage].items() if name in expected} == expected
        assert found[kind]["is_clean"]


@BOTH
def test_the_curve_is_that_of_one_process(kind: str, ranks: list[dict[str, Any]], single: dict[str, Any]) -> None:
    first, second = (found[kind]["curve"] for found in ranks)
    assert first == second, "times too, which are of both processes"
    assert [row["num_views"] for row in first] == [1, 2, 5, 10, 20]
    for row, expected in zip(first, single[kind]["curve"], strict=True):
        assert row["accuracy"] == pytest.approx(expected["accuracy"])
        assert row["nll"] == pytest.approx(expected["nll"], rel=1e-5)
        assert row["milliseconds"] > 0
    last, metrics = first[-1], ranks[0][kind]["test"]
    assert last["accuracy"] == pytest.approx(metrics["accuracy"])
    assert last["nll"] == pytest.approx(metrics["loss"], rel=1e-5)
    assert metrics["multicrop/ms_20"] == pytest.approx(last["milliseconds"])


@BOTH
@pytest.mark.parametrize("name", ["scores", "information", "views"])
def test_each_process_has_what_it_predicted(
    kind: str, name: str, ranks: list[dict[str, Any]], single: dict[str, Any]
) -> None:
    for rank, found in enumerate(ranks):
        share = single[kind][name][rank::RANKS]
        assert len(share) == len(range(rank, COUNT, RANKS))
        _close(found[kind][name], share)


def test_inside_an_ensemble(ranks: list[dict[str, Any]], single: dict[str, Any]) -> None:
    assert not single["is_drawn"]
    assert not any(name.startswith("multicrop") for name in single["ensemble"])
    for found in ranks:
        assert not found["is_drawn"]
        assert found["ensemble"] == timeless(single["ensemble"])


def _close(found: Any, expected: Any) -> None:
    if isinstance(found, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _close(one, other)
    else:
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
