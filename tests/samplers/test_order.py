"""The order: numpy's shuffle written out on the stream's own numbers. The deal: torch's distributed sampler."""

import random
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DistributedSampler

from lightning_regkit._random import StreamKey, generator
from lightning_regkit.samplers import deal, sample_order

SIZES = st.integers(1, 40)
WORLDS = st.integers(1, 9)


def halves(seed: int, epoch: int) -> Iterator[int]:
    """The 32-bit numbers of an epoch's stream, low half first."""
    key = StreamKey(seed=seed, rank=0, epoch=epoch, batch_idx=0, purpose="ResumableSampler")
    bits = generator(key).bit_generator
    while True:
        word = int(bits.random_raw())
        yield word % 2**32
        yield word >> 32


def up_to(numbers: Iterator[int], greatest: int) -> int:
    """Draw from 0, ..., greatest: the low bits of each number until they are in range."""
    return next(low for number in numbers if (low := number % 2 ** greatest.bit_length()) <= greatest)


def written_out(num_examples: int, seed: int, epoch: int) -> list[int]:
    """Fisher and Yates, from the end."""
    order, numbers = list(range(num_examples)), halves(seed, epoch)
    for last in range(num_examples - 1, 0, -1):
        other = up_to(numbers, last)
        order[last], order[other] = order[other], order[last]
    return order


def shares(order: Any, world_size: int, start: int = 0) -> list[list[int]]:
    return [deal(order, rank=rank, world_size=world_size, start=start).tolist() for rank in range(world_size)]


def test_the_order_of_an_epoch_never_changes() -> None:
    # Worked out once with `written_out`, without the package's function.
    assert sample_order(8, seed=1, epoch=2, shuffle=True).tolist() == [5, 6, 7, 4, 0, 3, 1, 2]


@given(st.integers(0, 60), st.integers(0, 2**70), st.integers(0, 2**64 - 1))
def test_the_order_is_the_shuffle_of_its_stream(num_examples: int, seed: int, epoch: int) -> None:
    order = sample_order(num_examples, seed=seed, epoch=epoch, shuffle=True)
    assert order.dtype == np.int64
    assert order.tolist() == written_out(num_examples, seed, epoch)


def test_orders_are_uniform_over_epochs() -> None:
    count = 3000
    drawn = [tuple(sample_order(3, seed=0, epoch=epoch, shuffle=True).tolist()) for epoch in range(count)]
    counts = [drawn.count(order) for order in permutations(range(3))]
    assert sum((found - count / 6) ** 2 / (count / 6) for found in counts) < 15.1  # 5 df, 1 %


@given(st.integers(0, 20), st.integers(0, 9), st.integers(0, 9))
def test_without_shuffling_it_is_the_range(num_examples: int, seed: int, epoch: int) -> None:
    order = sample_order(num_examples, seed=seed, epoch=epoch, shuffle=False)
    assert order.dtype == np.int64
    assert order.tolist() == list(range(num_examples))


def test_no_global_generator_is_read_or_moved() -> None:
    def states() -> tuple[Any, ...]:
        return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())  # noqa: NPY002

    before = states()
    first = sample_order(50, seed=3, epoch=4, shuffle=True).tolist()
    assert states() == before
    torch.rand(3)
    random.random()
    np.random.random()  # noqa: NPY002
    assert sample_order(50, seed=3, epoch=4, shuffle=True).tolist() == first


def test_a_worked_deal() -> None:
    order = np.array([3, 0, 4, 1, 2])
    assert shares(order, 2) == [[3, 4, 2], [0, 1, 3]]
    assert shares(order, 2, start=4) == [[2], [3]]
    assert shares(order, 3, start=2) == [[4], [1], [2]]
    assert shares(order, 3, start=1) == [[0, 2], [4, 3], [1, 0]]
    assert shares(order, 2, start=5) == [[], []]
    assert shares(order, 1) == [[3, 0, 4, 1, 2]]


def test_more_processes_than_samples_wrap_as_often_as_needed() -> None:
    assert shares(np.array([1, 0]), 5) == [[1], [0], [1], [0], [1]]
    assert shares(np.array([1, 0]), 5, start=1) == [[0], [1], [0], [1], [0]]


def test_of_nothing_there_is_nothing_to_deal() -> None:
    assert shares(np.array([], dtype=np.int64), 2) == [[], []]


@given(SIZES, WORLDS)
def test_the_whole_epoch_is_dealt_as_torch_does(num_examples: int, world_size: int) -> None:
    theirs: list[Any] = [
        list(DistributedSampler(range(num_examples), num_replicas=world_size, rank=rank, shuffle=False))
        for rank in range(world_size)
    ]
    assert shares(np.arange(num_examples), world_size) == theirs


@given(st.permutations(range(12)), WORLDS, st.data())
def test_from_a_multiple_of_the_world_it_is_the_end_of_the_whole_share(
    order: list[int], world_size: int, data: st.DataObject
) -> None:
    rounds = data.draw(st.integers(0, len(order) // world_size))
    whole = shares(np.array(order), world_size)
    assert shares(np.array(order), world_size, start=rounds * world_size) == [share[rounds:] for share in whole]


@given(st.permutations(range(12)), WORLDS, st.integers(0, 12))
def test_read_across_the_ranks_the_order_goes_on(order: list[int], world_size: int, start: int) -> None:
    dealt = shares(np.array(order), world_size, start=start)
    assert len({len(share) for share in dealt}) == 1
    across = [index for hand in zip(*dealt, strict=True) for index in hand]
    left = order[start:]
    assert across[: len(left)] == left
    assert len(across) - len(left) in range(world_size)
    assert across[len(left) :] == order[: len(across) - len(left)]


def test_the_order_is_not_modified_and_not_shared() -> None:
    order = np.arange(6)
    share = deal(order, rank=0, world_size=1)
    share[:] = 7
    assert order.tolist() == list(range(6))


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"world_size": 0}, ValueError, "world_size must be a positive integer, got 0."),
        ({"world_size": 2.0}, TypeError, "world_size must be a positive integer, got 2.0."),
        ({"rank": -1}, ValueError, "rank must be an integer of at least 0, got -1."),
        ({"rank": True}, TypeError, "rank must be an integer of at least 0, got True."),
        ({"rank": 2}, ValueError, "rank must be below world_size, 2, got 2."),
        ({"start": -1}, ValueError, "start must be an integer of at least 0, got -1."),
        ({"start": 4}, ValueError, "start must be at most the length of the order, 3, got 4."),
        ({"start": None}, TypeError, "start must be an integer of at least 0, got None."),
    ],
)
def test_a_bad_deal_is_refused(changed: dict[str, Any], error: type[Exception], text: str) -> None:
    refusal_is(error, f"samplers.deal: {text}", lambda: deal(np.arange(3), **{"rank": 0, "world_size": 2, **changed}))


@pytest.mark.parametrize("name", ["num_examples", "seed", "epoch"])
@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (1.0, TypeError), (False, TypeError)])
def test_a_bad_number_is_refused(name: str, value: object, error: type[Exception]) -> None:
    given_arguments: dict[str, Any] = {"num_examples": 3, "seed": 0, "epoch": 0, "shuffle": True, name: value}
    text = f"samplers.sample_order: {name} must be an integer of at least 0, got {value!r}."
    refusal_is(error, text, lambda: sample_order(**given_arguments))


def refusal_is(error: type[Exception], text: str, call: Callable[[], object]) -> None:
    with pytest.raises(error) as refused:
        call()
    assert str(refused.value) == text
