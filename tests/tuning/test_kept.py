"""A few batches again and again, or all of them anew."""

from itertools import chain, islice

import pytest
import torch

from lightning_regkit.tuning._kept import Kept
from tests.support import loader


def labels(kept: Kept) -> list[list[int]]:
    return [batch[1].tolist() for batch in kept]  # type: ignore[index]


@pytest.mark.parametrize("num_batches", [1, 3, 5])
def test_the_first_batches_come_again(num_batches: int) -> None:
    kept = Kept(loader(shuffle=True), num_batches)
    first = labels(kept)
    assert len(first) == num_batches
    assert labels(kept) == labels(kept) == first


def test_a_loader_may_be_shorter() -> None:
    kept = Kept(loader(), 9)
    assert len(labels(kept)) == len(labels(kept)) == 5


def test_none_is_kept_of_all() -> None:
    torch.manual_seed(0)
    kept = Kept(loader(shuffle=True), None)
    first, second = labels(kept), labels(kept)
    assert len(first) == len(second) == 5
    assert first != second
    assert sorted(chain(*first)) == sorted(chain(*second))


def test_an_epoch_that_is_broken_off_is_not_kept() -> None:
    kept = Kept(loader(), 3)
    assert len(list(islice(iter(kept), 1))) == 1
    assert len(labels(kept)) == 3


def test_a_collection_of_loaders_keeps_its_shape() -> None:
    batch = next(iter(Kept({"a": loader(), "b": loader()}, 2)))
    assert isinstance(batch, dict)
    assert batch.keys() == {"a", "b"}
