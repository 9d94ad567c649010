"""Data modules of images in memory on two processes: every image once in evaluation."""

from pathlib import Path
from typing import Any

import pytest

from tests.ddp.images_in_memory import CIFAR, FASHION, SIZES, STAGES, everything
from tests.ddp.support import run
from tests.recipes.data.cifar_files import write_cifar
from tests.recipes.data.idx import write_data_set
from tests.support import trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ddp")
    (folder / "fashion").mkdir()
    write_data_set(folder / "fashion", FASHION["train"], FASHION["test"])
    write_cifar(folder / "cifar", 10, is_binary=True, num_train=CIFAR["train"], num_test=CIFAR["test"])
    return folder


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return run("images_in_memory", folder)


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, Any]:
    return everything(trainer, folder)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", SIZES)
def test_an_evaluation_is_that_of_one_process(
    name: str, stage: str, ranks: list[dict[str, Any]], alone: dict[str, Any]
) -> None:
    images = SIZES[name]["val" if stage == "validate" else "test"]
    expected = alone[name][stage]

    assert len(expected["sums"]) == images
    assert images % 2 == 1
    for rank, found in enumerate(ranks):
        assert found[name][stage]["sums"] == pytest.approx(expected["sums"][rank::2], rel=1e-9)
        assert found[name][stage]["metrics"] == pytest.approx(expected["metrics"], rel=1e-5)
