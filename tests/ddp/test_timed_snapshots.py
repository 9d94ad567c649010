"""A time limit on two processes whose clocks disagree: both follow the first, down to the last step."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lightning_regkit.ensemble import read_manifest
from tests.ddp.support import run
from tests.ddp.timed_snapshots import CYCLES, LIMIT_S

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("timed_snapshots")


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return run("timed_snapshots", folder)


@pytest.mark.parametrize("kind", ["Paced", "Validated"])
def test_both_make_the_same_steps_at_the_same_rates(kind: str, ranks: list[dict[str, Any]], folder: Path) -> None:
    first, second = (found[kind] for found in ranks)
    assert first["rates"] == second["rates"]
    assert first["steps"] == second["steps"] == [member.step for member in read_manifest(folder / kind)]
    assert first["weights"] == second["weights"]
    assert len(first["steps"]) == CYCLES
    for start, end in pairwise([0, *first["steps"]]):
        cycle = first["rates"][start:end]
        assert (cycle[0], cycle[-1]) == (0.1, 0)
        assert all(before >= after for before, after in pairwise(cycle))


def test_the_clock_is_that_of_the_first(ranks: list[dict[str, Any]]) -> None:
    assert ranks[1]["Paced"]["steps"] == [20, 40, LIMIT_S - 1]
