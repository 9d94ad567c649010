"""Test-time averages on two processes: hit on both, gone afterwards, and never a run that waits for ever."""

from typing import Any

import pytest

from tests.ddp.support import run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

STAGES = ("test", "validate", "predict")
BATCHES = 2
REFUSAL = "Flip: the evaluation step must call its predictor"  # tests/_lightning/test_predictor.py has it all


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    # The script ends by a miss on the second rank alone: the first, waiting for it, must not wait for ever.
    return run("averaging", tmp_path_factory.mktemp("averaging"), fails_with=f"NotAveragedError: {REFUSAL}")


def check(found: dict[str, Any]) -> None:
    assert found["is_right"]
    assert found["is_not_single"]
    assert found["is_clean"]
    assert found["count"] == len(found["inputs"])


@pytest.mark.parametrize("call", ["self", "net"])
@pytest.mark.parametrize("stage", STAGES)
def test_averages_on_both_ranks_and_leaves_no_trace(call: str, stage: str, ranks: list[dict[str, Any]]) -> None:
    for rank, found in enumerate(ranks):
        check(found[call][stage])
        assert found[call][stage]["count"] == BATCHES
        assert found[call][stage]["rank"] == rank
        assert not found[call][stage]["has_forward"]
    assert ranks[0][call][stage]["inputs"] != ranks[1][call][stage]["inputs"], "each rank has its share"


@pytest.mark.parametrize("call", ["self", "net"])
def test_averages_validation_in_a_fit_where_forward_is_redirected(call: str, ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        fit = found[f"fit_{call}"]
        check(fit["fit"])
        assert fit["fit"]["count"] == BATCHES
        assert fit["is_plain_forward"], "what the redirection leaves is its own"
        for stage in STAGES:
            check(fit["after"][stage])


@pytest.mark.parametrize("stage", STAGES)
def test_a_miss_is_refused_on_both_ranks(stage: str, ranks: list[dict[str, Any]]) -> None:
    first, second = (found["refused"][stage] for found in ranks)
    assert first == second
    assert first["text"].startswith(REFUSAL)
    assert first["is_clean"]
    assert first["count"] == 1, "at the first batch"


def test_a_miss_on_one_rank_ends_the_run(ranks: list[dict[str, Any]]) -> None:
    assert [found["self"]["test"]["rank"] for found in ranks] == [0, 1]  # the fixture waited for it
