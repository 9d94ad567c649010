"""Layers put into a module on two processes: the same on both, and out again."""

from typing import Any

import pytest

from tests.ddp.support import run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("surgery", tmp_path_factory.mktemp("surgery"))


def test_all_ranks_have_equal_weights_and_rates(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0] == ranks[1]
    assert ranks[0]["noisy"]["weights"] != ranks[0]["plain"]["weights"]
    depth, connect = zip(*ranks[0]["noisy"]["rates"], strict=True)
    assert depth == pytest.approx([0.5 * (1 - step / 10) for step in range(10)])
    assert set(connect) == {0.5}


def test_everything_is_undone(ranks: list[dict[str, Any]]) -> None:
    assert [ranks[0][name]["is_undone"] for name in ("plain", "noisy")] == [True, True]
