"""Repeated or dropped samples, against what the samplers of all ranks really give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from lightning.pytorch.overrides.distributed import UnrepeatedDistributedSampler, UnrepeatedDistributedSamplerWrapper
from torch.utils.data import BatchSampler, DistributedSampler, RandomSampler, SequentialSampler

from lightning_regkit.samplers import ExactDistributedSampler, ResumableSampler, surplus
from tests.samplers.support import process


@pytest.mark.parametrize("world_size", [1, 2, 5])
def test_torch_repeats_to_fill_the_last_round(world_size: int) -> None:
    sampler: Any = DistributedSampler(range(6), num_replicas=world_size, rank=0)
    assert surplus(sampler) == {1: 0, 2: 0, 5: 4}[world_size]


@pytest.mark.parametrize("world_size", [1, 2, 5])
def test_torch_drops_the_last_round_if_told(world_size: int) -> None:
    sampler: Any = DistributedSampler(range(6), num_replicas=world_size, rank=0, drop_last=True)
    assert surplus(sampler) == {1: 0, 2: 0, 5: -1}[world_size]


@given(st.data(), st.integers(1, 9), st.booleans())
def test_it_is_what_all_ranks_give_less_the_data_set(data: st.DataObject, world_size: int, drop_last: bool) -> None:
    num_examples = data.draw(st.integers(world_size, 40))
    samplers: list[Any] = [
        DistributedSampler(range(num_examples), num_replicas=world_size, rank=rank, drop_last=drop_last)
        for rank in range(world_size)
    ]
    given_samples = sum(len(list(sampler)) for sampler in samplers)
    assert {surplus(sampler) for sampler in samplers} == {given_samples - num_examples}


def test_the_wrapper_of_lightning_repeats() -> None:
    assert surplus(DistributedSamplerWrapper(RandomSampler(range(5)), num_replicas=2, rank=0)) == 1


def test_the_samplers_for_prediction_of_lightning_do_not() -> None:
    options: dict[str, Any] = {"num_replicas": 2, "rank": 0}
    assert surplus(UnrepeatedDistributedSampler(range(5), **options)) == 0
    assert surplus(UnrepeatedDistributedSamplerWrapper(SequentialSampler(range(5)), **options)) == 0


def test_ours() -> None:
    with process(0, 2):
        assert surplus(ExactDistributedSampler(range(5))) == 0
        assert surplus(ResumableSampler(range(5))) == 1
    assert surplus(ResumableSampler(range(5))) == 0


@pytest.mark.parametrize("sampler", [None, SequentialSampler(range(5)), BatchSampler(range(5), 2, drop_last=False)])
def test_what_is_no_distributed_sampler_does_not_pad(sampler: object) -> None:
    assert surplus(sampler) == 0
