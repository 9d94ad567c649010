"""Every sample once: the union over the ranks, Lightning's sampler for prediction, a loader on every rank."""

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.overrides.distributed import UnrepeatedDistributedSampler
from torch.utils.data import DataLoader, DistributedSampler

from lightning_regkit.samplers import ExactDistributedSampler
from tests.samplers.support import process


def shares(sampler: ExactDistributedSampler, world_size: int) -> list[list[int]]:
    dealt = []
    for rank in range(world_size):
        with process(rank, world_size):
            dealt.append(list(sampler))
            assert len(sampler) == sampler.num_samples == len(dealt[-1])
    return dealt


def test_a_worked_example() -> None:
    assert shares(ExactDistributedSampler("abcde"), 2) == [[0, 2, 4], [1, 3]]
    assert shares(ExactDistributedSampler("ab"), 3) == [[0], [1], []]


def test_one_process_gets_all_in_order() -> None:
    sampler = ExactDistributedSampler("abc")
    assert list(sampler) == list(sampler) == [0, 1, 2]
    assert len(sampler) == 3


@given(st.integers(0, 60), st.integers(1, 12))
def test_every_sample_exactly_once(num_examples: int, world_size: int) -> None:
    dealt = shares(ExactDistributedSampler(range(num_examples)), world_size)
    assert sorted(index for share in dealt for index in share) == list(range(num_examples))
    lengths = [len(share) for share in dealt]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] - lengths[-1] <= 1


@given(st.data(), st.integers(1, 12))
def test_the_deal_is_that_of_lightning_s_prediction(data: st.DataObject, world_size: int) -> None:
    num_examples = data.draw(st.integers(world_size, 60))
    options: dict[str, Any] = {"num_replicas": world_size, "shuffle": False}
    theirs: list[Any] = [
        list(UnrepeatedDistributedSampler(range(num_examples), rank=rank, **options)) for rank in range(world_size)
    ]
    assert shares(ExactDistributedSampler(range(num_examples)), world_size) == theirs


def test_the_epoch_changes_nothing() -> None:
    sampler = ExactDistributedSampler("abcde")
    sampler.set_epoch(3)
    assert shares(sampler, 2) == [[0, 2, 4], [1, 3]]


def test_what_others_read_of_a_distributed_sampler() -> None:
    sampler = ExactDistributedSampler("abcde")
    with process(1, 2):
        assert isinstance(sampler, DistributedSampler)
        assert (sampler.rank, sampler.num_replicas, sampler.num_samples, sampler.total_size) == (1, 2, 2, 5)
        assert (sampler.shuffle, sampler.drop_last, sampler.seed, sampler.epoch) == (False, False, 0, 0)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_on_every_rank(num_workers: int) -> None:
    data = [10, 11, 12, 13, 14]
    sampler = ExactDistributedSampler(data)
    loader: DataLoader[Any] = DataLoader(data, batch_size=2, sampler=sampler, num_workers=num_workers)
    seen = []
    for rank in range(2):
        with process(rank, 2):
            assert len(loader) == 2 - rank
            seen.append([batch.tolist() for batch in loader])
    assert seen == [[[10, 12], [14]], [[11, 13]]]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])
def test_a_copy_samples_alike(copied: Any) -> None:
    assert shares(copied(ExactDistributedSampler("abcde")), 2) == [[0, 2, 4], [1, 3]]


def test_a_data_source_without_length_is_refused() -> None:
    with pytest.raises(TypeError) as refused:
        ExactDistributedSampler(iter("ab"))
    assert str(refused.value).startswith("ExactDistributedSampler: data_source must have a length, got <class ")
