"""Folders of images on two processes: every image once in evaluation, and the crops of one process in training."""

from pathlib import Path
from typing import Any

import pytest

from tests.ddp.image_folder import TRAIN, VAL, everything
from tests.ddp.support import run
from tests.recipes.data.zoo import write_folder
from tests.support import trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ddp")
    write_folder(folder / "images", {"train": TRAIN, "val": VAL})
    return folder


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return run("image_folder", folder)


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, Any]:
    return everything(trainer, folder / "images")


@pytest.mark.parametrize("view", ["center", "whole", "val"])
def test_an_evaluation_is_that_of_one_process(view: str, ranks: list[dict[str, Any]], alone: dict[str, Any]) -> None:
    assert [len(found[view]["sums"]) for found in ranks] == [4, 3]
    for rank, found in enumerate(ranks):
        assert found[view]["sums"] == pytest.approx(alone[view]["sums"][rank::2], rel=1e-5)
        assert found[view]["metrics"] == pytest.approx(alone[view]["metrics"], rel=1e-5)


def test_training_deals_the_crops_of_one_process(ranks: list[dict[str, Any]], alone: dict[str, Any]) -> None:
    train = alone["train"]

    assert len(train) == sum(TRAIN) == 9
    assert ranks[0]["train"] == pytest.approx(train[::2], rel=1e-5)
    assert ranks[1]["train"] == pytest.approx([*train[1::2], train[0]], rel=1e-5)  # as many on both
    assert len({round(each, 2) for each in train}) == 9
