"""The best epoch on two processes that do not agree: value, verdict, path and weights are the same on both."""

from typing import Any

import pytest
import torch

from tests.ddp.support import RANKS, run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    refusal = "BestEpochCheckpoint: monitor must name a metric that is logged, got 'acc'. Logged are: other."
    return run("best_epoch", tmp_path_factory.mktemp("best_epoch"), fails_with=refusal)


@pytest.mark.parametrize(
    ("name", "best_epoch", "epochs", "file"),
    [
        ("different", 1, 4, "epoch=1-acc=0.75-other=0.0.ckpt"),
        ("first", 1, 4, "epoch=1-acc=0.75-other=0.0.ckpt"),
        ("second", 3, 6, "epoch=3-acc=0.90-other=0.0.ckpt"),
    ],
)
def test_both_ranks_act_alike(name: str, best_epoch: int, epochs: int, file: str, ranks: list[dict[str, Any]]) -> None:
    first, second = (found[name] for found in ranks)
    assert [first.pop("rank"), second.pop("rank")] == list(range(RANKS))
    assert first.pop("files") == [file, "last.ckpt"]
    assert second.pop("files") == []
    assert first == second
    assert (first["best_epoch"], first["epochs"]) == (best_epoch, epochs)
    assert first["path"].endswith(file)


def test_sigterm_to_one_process_saves_the_state_of_all(ranks: list[dict[str, Any]]) -> None:
    first, second = (found["terminated"] for found in ranks)
    assert first["files"] == ["epoch=1-step=4.ckpt", "last.ckpt"]
    assert first["last"] == second["last"]


def test_statistics_are_the_mean_over_the_batches_of_both(ranks: list[dict[str, Any]]) -> None:
    batches = [torch.tensor(batch) for found in ranks for batch in found["statistics"]["batches"]]
    assert len(batches) == 4
    mean, variance = (torch.stack([torch.var_mean(batch, 0)[at] for batch in batches]).mean(0) for at in (1, 0))
    for found in ranks:
        torch.testing.assert_close(torch.tensor(found["statistics"]["mean"]), mean)
        torch.testing.assert_close(torch.tensor(found["statistics"]["variance"]), variance)
