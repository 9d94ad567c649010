"""A plateau on two processes: what the first rank sees holds for both."""

from typing import Any

import pytest

from tests.ddp.plateau import BATCHES, EPOCHS
from tests.ddp.support import RANKS, run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    refusal = "ScheduleLR: monitor must name a metric that is logged by then, got 'val_los'. Logged are: val_loss."
    return run("plateau", tmp_path_factory.mktemp("plateau"), fails_with=refusal)


@pytest.mark.parametrize("name", ["different", "once"])
def test_both_ranks_act_on_the_metric_of_the_first(name: str, ranks: list[dict[str, Any]]) -> None:
    assert [found[name]["rank"] for found in ranks] == list(range(RANKS))
    for found in ranks:
        assert len(found[name]["rates"]) == EPOCHS * BATCHES
        assert found[name]["rates"] == [0.1] * 3 * BATCHES + [0.05] * BATCHES
    assert ranks[0][name]["weights"] == ranks[1][name]["weights"]
