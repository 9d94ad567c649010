"""Weight penalties on two processes: every rank adds the same after the reduction."""

from typing import Any

import pytest

from tests.ddp.penalty import L2
from tests.ddp.support import run
from tests.support import NUM_CLASSES

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("penalty", tmp_path_factory.mktemp("penalty"))


def test_all_ranks_have_equal_weights(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0] == ranks[1]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_it_is_the_decay_of_torch(accumulate: int, ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        assert found[f"ours {accumulate}"]["weights"] == found[f"torch {accumulate}"]["weights"]
        assert found[f"ours {accumulate}"]["weights"] != found["none"]["weights"]


def test_the_penalty_logged_is_that_of_one_rank(ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        weight = found["ours 1"]["weights"][:-NUM_CLASSES]
        assert found["ours 1"]["metrics"]["penalty"] == pytest.approx(L2 / 2 * sum(w**2 for w in weight))


def test_zeros_are_exact_and_the_same(ranks: list[dict[str, Any]]) -> None:
    first, second = ([w == 0 for w in found["proximal"]["weights"]] for found in ranks)
    assert first == second
    assert 0 < sum(first) < len(first)
