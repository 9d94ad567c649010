"""Batches counted as examples and back, checked by counting; loaders that cannot be entered are refused."""

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler

from lightning_regkit.samplers import LoaderPlan, ResumableSampler, resumable_sampler
from tests.samplers.support import process

REMEDY = "Pass DataLoader(dataset, batch_size=..., sampler=ResumableSampler(dataset))."
PLAN = LoaderPlan(num_examples=10, batch_size=2, drop_last=False, shuffle=True, seed=3)


def loader_over(size: int, batch_size: int, *, drop_last: bool) -> DataLoader[Any]:
    data: Any = range(size)
    return DataLoader(data, batch_size=batch_size, drop_last=drop_last, sampler=ResumableSampler(data, seed=1))


def read(loader: DataLoader[Any], world_size: int) -> list[list[list[int]]]:
    """Return the batches of every rank of an epoch."""
    ranks = []
    for rank in range(world_size):
        with process(rank, world_size):
            ranks.append([batch.tolist() for batch in loader])
    return ranks


@given(st.integers(1, 20), st.integers(1, 5), st.booleans(), st.integers(1, 3), st.data())
def test_examples_are_those_a_loop_over_the_loader_has_used(
    size: int, batch_size: int, drop_last: bool, world_size: int, data: st.DataObject
) -> None:
    loader = loader_over(size, batch_size, drop_last=drop_last)
    _, plan = resumable_sampler("ExactResume", loader)
    ranks = read(loader, world_size)
    batches = data.draw(st.integers(0, len(ranks[0])))
    used = {example for rank in ranks for batch in rank[:batches] for example in batch}
    assert plan.examples_in(batches, world_size=world_size) == len(used)


@given(st.integers(1, 20), st.integers(1, 5), st.booleans(), st.integers(1, 3), st.data())
def test_batches_are_those_a_loop_over_an_entered_loader_gives(
    size: int, batch_size: int, drop_last: bool, world_size: int, data: st.DataObject
) -> None:
    loader = loader_over(size, batch_size, drop_last=drop_last)
    sampler, plan = resumable_sampler("ExactResume", loader)
    start = data.draw(st.integers(0, size))
    ranks = []
    for rank in range(world_size):
        sampler.start_at(epoch=0, start=start)
        with process(rank, world_size):
            ranks.append(len(list(loader)))
    assert ranks == [plan.batches_after(start, world_size=world_size)] * world_size


def test_values_by_hand() -> None:
    plan = LoaderPlan(num_examples=11, batch_size=2, drop_last=False, shuffle=False, seed=0)
    short = LoaderPlan(num_examples=11, batch_size=2, drop_last=True, shuffle=False, seed=0)
    assert [plan.examples_in(batches, world_size=2) for batches in range(4)] == [0, 4, 8, 11]
    assert [plan.batches_after(start, world_size=1) for start in (0, 1, 9, 10, 11)] == [6, 5, 1, 1, 0]
    assert [short.batches_after(start, world_size=1) for start in (0, 1, 9, 10, 11)] == [5, 5, 1, 0, 0]
    assert [plan.batches_after(start, world_size=2) for start in (0, 7, 8)] == [3, 1, 1]


@given(st.integers(1, 12), st.integers(1, 3), st.booleans(), st.integers(0, 20))
def test_a_cycled_loader_counts_its_latest_pass(size: int, batch_size: int, drop_last: bool, batches: int) -> None:
    loader = loader_over(size, batch_size, drop_last=drop_last)
    plan = LoaderPlan(size, batch_size, drop_last, shuffle=True, seed=1, is_cycled=True)
    if not len(loader):
        assert plan.examples_in(batches, world_size=1) == min(size, batch_size) * (batches > 0)
        return
    used, iterator = 0, iter(loader)
    for _ in range(batches):
        batch = next(iterator, None)
        if batch is None:
            used, iterator = 0, iter(loader)
            batch = next(iterator)
        used += len(batch)
    assert plan.examples_in(batches, world_size=1) == used


def test_a_plan_is_frozen_and_plain() -> None:
    assert vars(PLAN) == {
        "num_examples": 10,
        "batch_size": 2,
        "drop_last": False,
        "shuffle": True,
        "seed": 3,
        "draws_seed": True,
        "is_cycled": False,
    }
    with pytest.raises(FrozenInstanceError):
        PLAN.seed = 4  # type: ignore[misc]


def test_the_same_plan_is_accepted_whatever_its_workers() -> None:
    PLAN.refuse_other("ExactResume", asdict(PLAN))
    PLAN.refuse_other("ExactResume", {**asdict(PLAN), "draws_seed": False})


@pytest.mark.parametrize(
    ("changed", "was", "now"),
    [
        ({"batch_size": 4}, "{'batch_size': 4}", "{'batch_size': 2}"),
        ({"seed": 4, "num_examples": 9}, "{'num_examples': 9, 'seed': 4}", "{'num_examples': 10, 'seed': 3}"),
        ({"drop_last": True}, "{'drop_last': True}", "{'drop_last': False}"),
        ({"shuffle": False}, "{'shuffle': False}", "{'shuffle': True}"),
    ],
)
def test_another_plan_is_refused(changed: dict[str, Any], was: str, now: str) -> None:
    with pytest.raises(ValueError, match="the training data") as refused:
        PLAN.refuse_other("ExactResume", {**asdict(PLAN), **changed})
    assert str(refused.value) == (
        f"ExactResume: the training data must be dealt as the checkpoint says, {was}, got {now}. "
        "Set it back, or resume from a checkpoint of the end of an epoch."
    )


DATA: Any = range(10)


@pytest.mark.parametrize(
    ("options", "batch_size", "drop_last", "draws_seed"),
    [
        ({"batch_size": 3, "drop_last": True}, 3, True, True),
        ({}, 1, False, True),
        ({"batch_size": None}, 1, False, True),
        ({"batch_size": 2, "generator": torch.Generator()}, 2, False, False),
        ({"batch_size": 2, "num_workers": 1}, 2, False, True),
        ({"batch_size": 2, "num_workers": 1, "persistent_workers": True}, 2, False, False),
    ],
    ids=["drop_last", "default", "no batches", "own generator", "workers", "persistent workers"],
)
def test_a_loader_tells_its_plan(options: dict[str, Any], batch_size: int, drop_last: bool, draws_seed: bool) -> None:
    sampler = ResumableSampler(DATA, seed=3, shuffle=False)
    found, plan = resumable_sampler("ExactResume", DataLoader(DATA, sampler=sampler, **options))
    assert found is sampler
    assert plan == LoaderPlan(
        num_examples=10, batch_size=batch_size, drop_last=drop_last, shuffle=False, seed=3, draws_seed=draws_seed
    )


@pytest.mark.parametrize("options", [{}, {"generator": torch.Generator()}], ids=["global", "own"])
def test_a_loader_that_draws_a_seed_says_so(options: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(DATA, sampler=ResumableSampler(DATA), **options)
    before = torch.get_rng_state()
    iter(loader)
    assert resumable_sampler("ExactResume", loader)[1].draws_seed is not torch.equal(torch.get_rng_state(), before)
    torch.set_rng_state(before)


def test_inside_a_batch_sampler() -> None:
    sampler = ResumableSampler(DATA)
    inside: Any = BatchSampler(sampler, batch_size=4, drop_last=True)
    found, plan = resumable_sampler("ExactResume", DataLoader(DATA, batch_sampler=inside))
    assert found is sampler
    assert plan == LoaderPlan(num_examples=10, batch_size=4, drop_last=True, shuffle=True, seed=0)


class Batches:
    """A batch sampler of the user's own."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    def __iter__(self) -> Iterator[list[int]]:
        return ([index] for index in self.sampler)


class StatefulDataLoader(DataLoader[Any]):
    """Stands for torchdata's, known by its name: torchdata need not be installed."""


class Derived(StatefulDataLoader):
    pass


@pytest.mark.parametrize(
    ("loader", "got", "condition", "reason"),
    [
        (DataLoader(DATA), "SequentialSampler", "draw through ResumableSampler", ""),
        (DataLoader(DATA, shuffle=True), "RandomSampler", "draw through ResumableSampler", ""),
        (
            DataLoader(DATA, sampler=RandomSampler(DATA), batch_size=3),
            "RandomSampler",
            "draw through ResumableSampler",
            "",
        ),
        (
            DataLoader(DATA, batch_sampler=BatchSampler(SequentialSampler(DATA), 2, drop_last=False)),
            "SequentialSampler",
            "draw through ResumableSampler",
            "",
        ),
        (
            DataLoader(DATA, batch_sampler=Batches(ResumableSampler(DATA))),
            "Batches",
            "draw through ResumableSampler",
            "",
        ),
        (
            DataLoader(DATA, batch_size=None, sampler=BatchSampler(ResumableSampler(DATA), 2, drop_last=False)),
            "BatchSampler",
            "draw through ResumableSampler",
            "",
        ),
        ([1, 2], "list", "be a DataLoader", ""),
        (
            StatefulDataLoader(DATA, sampler=ResumableSampler(DATA)),
            "StatefulDataLoader",
            "be a plain DataLoader",
            "It loses an epoch when saved in its last batch. ",
        ),
        (
            Derived(DATA, sampler=ResumableSampler(DATA)),
            "Derived",
            "be a plain DataLoader",
            "It loses an epoch when saved in its last batch. ",
        ),
    ],
    ids=[
        "in order",
        "shuffled",
        "sampler",
        "batch sampler",
        "own batch sampler",
        "lists",
        "list",
        "stateful",
        "derived",
    ],
)
def test_a_loader_that_cannot_be_entered_is_refused(loader: Any, got: str, condition: str, reason: str) -> None:
    with pytest.raises(TypeError) as refused:
        resumable_sampler("ExactResume", loader)
    assert str(refused.value) == f"ExactResume: train_dataloader must {condition}, got {got!r}. {reason}{REMEDY}"


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(range(4))


def test_a_stream_is_refused_in_words_of_its_own() -> None:
    with pytest.raises(TypeError) as refused:
        resumable_sampler("ExactResume", DataLoader(Stream(), batch_size=2))
    assert str(refused.value) == (
        "ExactResume: train_dataloader must hold a data set with __getitem__ and __len__, got 'Stream'. "
        "A stream has no place to go on from: resume it by a ModelCheckpoint alone."
    )
