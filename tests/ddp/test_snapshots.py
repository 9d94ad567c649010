"""Snapshot ensembles on two processes: one list, and the curve of separate tests on one process averaged by hand."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.ensemble import read_manifest, read_member
from lightning_regkit.marginalize import uncertainty
from tests.callbacks.ensembles import separate_tests
from tests.ddp.snapshots import BATCH, COUNT, CYCLES
from tests.ddp.support import run
from tests.support import images

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

INPUTS, TARGETS = images(COUNT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("snapshots")


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return run("snapshots", folder)


@pytest.fixture(scope="module")
def probs(ranks: list[dict[str, Any]], folder: Path) -> torch.Tensor:
    """Softmax of each member (M, N, K), from a ``trainer.test`` of its own on one process."""
    members = [read_member(folder / "plain", member) for member in read_manifest(folder / "plain")]
    loader = DataLoader(TensorDataset(INPUTS, TARGETS), batch_size=BATCH)
    with torch.random.fork_rng():
        return torch.stack(separate_tests(members, loader))


def test_the_curve_of_both_ranks_is_that_of_separate_tests(ranks: list[dict[str, Any]], probs: torch.Tensor) -> None:
    assert ranks[0]["plain"]["curve"] == ranks[1]["plain"]["curve"]
    for row in ranks[0]["plain"]["curve"]:
        mean = probs[-row["num_members"] :].mean(0)
        assert row["accuracy"] == pytest.approx((mean.argmax(-1) == TARGETS).float().mean().item())
        assert row["nll"] == pytest.approx(functional.nll_loss(mean.log(), TARGETS).item(), rel=1e-5)
        logged = ranks[1]["plain"]["metrics"][f"ensemble/accuracy_last_{row['num_members']}"]
        assert logged == pytest.approx(row["accuracy"])


def test_the_users_own_metrics_are_those_of_the_mean(ranks: list[dict[str, Any]], probs: torch.Tensor) -> None:
    mean = probs.mean(0)
    for found in ranks:
        loss = functional.nll_loss(mean.log(), TARGETS).item()
        assert found["plain"]["metrics"]["loss"] == pytest.approx(loss, rel=1e-5)
        accuracy = (mean.argmax(-1) == TARGETS).float().mean().item()
        assert found["plain"]["metrics"]["accuracy"] == pytest.approx(accuracy)


def test_predict_gives_each_rank_its_share(ranks: list[dict[str, Any]], probs: torch.Tensor) -> None:
    information = uncertainty(probs.log()).mutual_information
    for rank, found in enumerate(ranks):
        share = slice(rank, None, 2)
        logits = torch.tensor(found["plain"]["logits"])
        torch.testing.assert_close(logits.softmax(-1), probs.mean(0)[share], atol=1e-6, rtol=1e-5)
        own = torch.tensor(found["plain"]["information"])
        torch.testing.assert_close(own, information[share], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("control", ["plain", "single_cycle"])
def test_the_first_process_writes_and_both_know_the_list(
    control: str, ranks: list[dict[str, Any]], folder: Path
) -> None:
    listed = read_manifest(folder / control)
    assert len(listed) == CYCLES
    for found in ranks:
        assert [entry["sha256"] for entry in found[control]["members"]] == [member.sha256 for member in listed]
    assert len(list((folder / control).iterdir())) == CYCLES + 1


def test_fresh_weights_are_the_same_on_both(ranks: list[dict[str, Any]]) -> None:
    first, second = (found["single_cycle"]["starts"] for found in ranks)
    assert first == second
    assert ranks[0]["plain"]["starts"] != first
