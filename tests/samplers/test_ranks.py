"""Rank and world size: torch's, each time they are asked for; the base asks for nothing earlier."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from torch.utils.data import Dataset, DistributedSampler
from typing_extensions import override

from lightning_regkit.samplers._ranks import LazyRankSampler, rank_and_world_size
from tests.samplers.support import process


class Twice(LazyRankSampler[int]):
    """The least a subclass may be."""

    @property
    @override
    def total_size(self) -> int:  # type: ignore[override]  # as in the base
        return 2 * len(self)

    @override
    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    @override
    def __len__(self) -> int:
        return 3


class Unsized(Dataset[Any]):
    """A data set without length."""


def test_without_a_process_group_there_is_one_process() -> None:
    assert rank_and_world_size() == (0, 1)


def test_an_initialized_group_is_asked() -> None:
    with process(2, 5):
        assert rank_and_world_size() == (2, 5)
    assert rank_and_world_size() == (0, 1)


def test_a_torch_without_distributed_is_one_process() -> None:
    with process(2, 5, is_available=False):
        assert rank_and_world_size() == (0, 1)


def test_a_group_that_is_not_initialized_is_not_asked() -> None:
    with process(2, 5, is_initialized=False):
        assert rank_and_world_size() == (0, 1)


def test_the_base_is_abstract() -> None:
    assert inspect.isabstract(LazyRankSampler)


def test_it_has_every_attribute_of_torch_s() -> None:
    data: Any = "abcd"
    sampler = Twice(data, shuffle=True)
    theirs: Any = DistributedSampler(data, num_replicas=1, rank=0)
    assert set(vars(theirs)) - {"seed"} <= set(dir(sampler))
    assert sampler.dataset is data
    assert (sampler.shuffle, sampler.drop_last, sampler.epoch) == (True, False, 0)
    assert (sampler.num_examples, sampler.num_samples, sampler.total_size) == (4, 3, 6)


def test_shuffle_is_kept() -> None:
    assert not Twice("abcd", shuffle=False).shuffle


def test_rank_and_world_are_those_of_the_moment() -> None:
    sampler = Twice("abcd", shuffle=False)
    with process(1, 3):
        assert (sampler.rank, sampler.num_replicas) == (1, 3)
    assert (sampler.rank, sampler.num_replicas) == (0, 1)


def test_the_size_is_that_of_the_moment() -> None:
    data = [1, 2]
    sampler = Twice(data, shuffle=False)
    data.append(3)
    assert sampler.num_examples == 3


def test_the_epoch_is_set() -> None:
    sampler = Twice("ab", shuffle=False)
    sampler.set_epoch(4)
    assert sampler.epoch == 4


@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (1.0, TypeError), (True, TypeError)])
def test_a_bad_epoch_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        Twice("ab", shuffle=False).set_epoch(value)
    assert str(refused.value) == f"Twice: epoch must be an integer of at least 0, got {value!r}."


def test_a_data_source_without_length_is_refused() -> None:
    with pytest.raises(TypeError) as refused:
        Twice(Unsized(), shuffle=False)
    assert str(refused.value) == f"Twice: data_source must have a length, got {Unsized!r}."
