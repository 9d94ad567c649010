"""Preconditioned gradients on two processes: those of one process with the whole batch."""

from typing import Any

import pytest
import torch

from tests.ddp.kfac import BATCH_SIZE, fit, options
from tests.ddp.support import RANKS, run
from tests.support import trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

KINDS = ("plain", "accumulated")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("kfac", tmp_path_factory.mktemp("kfac"))


@pytest.mark.parametrize("kind", KINDS)
def test_factors_and_weights_are_equal_on_all_ranks(kind: str, ranks: list[dict[str, Any]]) -> None:
    first, second = (found[kind] for found in ranks)
    assert first.pop("rank") != second.pop("rank")
    assert first == second
    assert first["steps"] == 6


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_those_of_one_process_with_the_whole_batch(kind: str, ranks: list[dict[str, Any]]) -> None:
    alone = fit(trainer(**options()), RANKS * BATCH_SIZE)
    found = ranks[0][kind]
    torch.testing.assert_close(torch.tensor(found["weights"]), torch.tensor(alone["weights"]), rtol=1e-9, atol=1e-12)
    for name, each in alone["factors"].items():
        for key, value in each.items():
            ours = torch.tensor(found["factors"][name][key], dtype=torch.float64)
            torch.testing.assert_close(ours, torch.tensor(value, dtype=torch.float64), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_meet_once_in_steps_that_renew_the_factors_only(kind: str, ranks: list[dict[str, Any]]) -> None:
    assert ranks[0][kind]["num_reductions"] == 3, "steps 0, 2 and 4 of 6"
