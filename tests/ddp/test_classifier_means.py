"""Means over the images of an epoch, where neither batches nor processes have as many."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.ddp.classifier_means import COUNT, everything, started
from tests.ddp.support import run
from tests.support import images, trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("classifier_means", tmp_path_factory.mktemp("means"))


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return everything(trainer)


def mean_loss(rows: list[int]) -> float:
    inputs, targets = images(COUNT)
    return F.cross_entropy(started().eval()(inputs[rows]), targets[rows]).item()


def test_an_evaluation_is_the_mean_over_all_images_on_both(ranks: list[dict[str, Any]], alone: dict[str, Any]) -> None:
    """Process 0 has batches of 2 and 2, process 1 of 2 and 1."""
    inputs, targets = images(COUNT)
    accuracy = (started()(inputs).argmax(1) == targets).float().mean().item()
    for found in [*ranks, alone]:
        assert found["test"]["test_loss"] == pytest.approx(mean_loss(list(range(COUNT))), rel=1e-5)
        assert found["test"]["test_acc"] == pytest.approx(accuracy)


def test_so_is_one_of_images_of_unequal_size(ranks: list[dict[str, Any]], alone: dict[str, Any]) -> None:
    assert ranks[0]["ragged"] == ranks[1]["ragged"]
    assert ranks[0]["ragged"] == pytest.approx(alone["ragged"], rel=1e-5)
    assert alone["ragged"]["test_loss"] != pytest.approx(alone["test"]["test_loss"], rel=1e-3)


def test_training_counts_the_image_that_both_have_twice(ranks: list[dict[str, Any]], alone: dict[str, Any]) -> None:
    twice = [*range(COUNT), 0]
    for name in ("train_loss", "val_loss"):
        for found in ranks:
            assert found["train"][name] == pytest.approx(mean_loss(twice), rel=1e-5)
        assert alone["train"][name] == pytest.approx(mean_loss(list(range(COUNT))), rel=1e-5)
    assert torch.isfinite(torch.tensor(list(alone["train"].values()))).all()
