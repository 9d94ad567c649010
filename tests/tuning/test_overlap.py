"""Images that are in both parts."""

from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from lightning_regkit.tuning._overlap import first_tensor, num_repeated, overlap_of
from tests.support import loader, trainer
from tests.tuning.support import Digits

FLOATS, LABELS = torch.rand(4, 3), torch.arange(4)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (FLOATS, FLOATS),
        ((FLOATS, LABELS), FLOATS),
        ([LABELS, [FLOATS]], FLOATS),
        ({"label": LABELS, "image": FLOATS}, FLOATS),
        ((LABELS,), LABELS),
        ("text", None),
        ((), None),
    ],
)
def test_inputs_in_a_batch(batch: Any, expected: Any) -> None:
    assert first_tensor(batch) is expected


def test_bytes_decide() -> None:
    images = list(torch.rand(5, 2, 2))
    assert num_repeated(images, images) == 5
    assert num_repeated(images, [images[0] + 1e-7, images[1].double(), images[2].clone(), images[2].T]) == 1
    assert num_repeated([], images) == 0


@pytest.mark.parametrize(("val_from", "expected"), [(1000, 0), (990, 10)])
def test_parts_of_a_data_module(val_from: int, expected: int) -> None:
    data = Digits(val_from=val_from)
    assert overlap_of(data, trainer()) == expected
    assert not hasattr(data, "train")


def test_nothing_is_known_without_a_validation_part() -> None:
    class TrainOnly(pl.LightningDataModule):
        def train_dataloader(self) -> Any:
            return loader()

    assert overlap_of(TrainOnly(), trainer()) == 0
    assert overlap_of(loader(), trainer()) == 0
    assert overlap_of(None, trainer()) == 0


def test_batches_without_images_have_none() -> None:
    class Texts(pl.LightningDataModule):
        def train_dataloader(self) -> Any:
            return [["a"], ["b"]]

        def val_dataloader(self) -> Any:
            return pl.utilities.combined_loader.CombinedLoader([["a"]], "sequential")

    assert overlap_of(Texts(), trainer()) == 0
