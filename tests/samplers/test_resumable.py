"""A loader that enters an epoch anywhere gives the rest of it; whole epochs are dealt as torch deals them."""

import copy
import multiprocessing
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler

from lightning_regkit.samplers import ResumableSampler, sample_order
from tests.samplers.support import process

NUM_EXAMPLES = 11
BATCH_SIZE = 2
DATA = [100 + index for index in range(NUM_EXAMPLES)]


class Keyed:
    """A data set that is asked by (epoch, index)."""

    def __len__(self) -> int:
        return NUM_EXAMPLES

    def __getitem__(self, key: tuple[int, int]) -> tuple[int, int]:
        return key


@pytest.fixture(autouse=True)
def no_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)


def order_of(seed: int, epoch: int, count: int = NUM_EXAMPLES) -> list[int]:
    return sample_order(count, seed=seed, epoch=epoch, shuffle=True).tolist()


def loader_over(sampler: ResumableSampler, **options: Any) -> DataLoader[Any]:
    return DataLoader(DATA, batch_size=BATCH_SIZE, sampler=sampler, **options)


def batches(loader: DataLoader[Any]) -> list[list[int]]:
    return [batch.tolist() for batch in loader]


def test_an_epoch_has_the_order_of_its_number() -> None:
    sampler = ResumableSampler(DATA, seed=5)
    assert list(sampler) == list(sampler) == order_of(5, 0)
    sampler.set_epoch(3)
    assert list(sampler) == order_of(5, 3)
    assert order_of(5, 3) != order_of(5, 0)
    assert all(type(index) is int for index in sampler)


@given(st.integers(1, 40), st.integers(1, 9))
def test_without_shuffling_it_is_torch_s_on_every_rank(num_examples: int, world_size: int) -> None:
    sampler = ResumableSampler(range(num_examples), shuffle=False)
    for rank in range(world_size):
        theirs: Any = DistributedSampler(range(num_examples), num_replicas=world_size, rank=rank, shuffle=False)
        with process(rank, world_size):
            assert list(sampler) == list(theirs)
            assert len(sampler) == len(theirs)
            ours = (sampler.num_samples, sampler.total_size, sampler.rank, sampler.num_replicas)
            assert ours == (theirs.num_samples, theirs.total_size, rank, world_size)
            assert (sampler.shuffle, sampler.drop_last) == (theirs.shuffle, theirs.drop_last)


def test_ranks_deal_one_shuffled_order() -> None:
    sampler, dealt = ResumableSampler(DATA, seed=1), []
    for rank in range(2):
        with process(rank, 2):
            dealt.append(list(sampler))
    order = order_of(1, 0)
    assert dealt == [order[0::2], [*order[1::2], order[0]]]


def test_it_is_a_distributed_sampler_as_lightning_asks() -> None:
    assert isinstance(ResumableSampler(DATA), DistributedSampler)


def test_an_entry_counts_once_whatever_epoch_was_set_before() -> None:
    sampler = ResumableSampler(DATA, seed=1)
    sampler.set_epoch(2)
    sampler.start_at(epoch=4, start=7)
    assert list(sampler) == order_of(1, 4)[7:]
    assert list(sampler) == order_of(1, 2)


def test_setting_the_epoch_of_an_entry_keeps_it() -> None:
    sampler = ResumableSampler(DATA, seed=1)
    sampler.start_at(epoch=4, start=7)
    sampler.set_epoch(4)
    assert list(sampler) == order_of(1, 4)[7:]
    assert list(sampler) == order_of(1, 4)


def test_setting_another_epoch_voids_an_entry_for_good() -> None:
    sampler = ResumableSampler(DATA, seed=1)
    sampler.start_at(epoch=4, start=7)
    sampler.set_epoch(5)
    sampler.set_epoch(4)
    assert list(sampler) == order_of(1, 4)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_entry_at_the_end_of_an_epoch_does_not_empty_the_next(num_workers: int) -> None:
    sampler = ResumableSampler(DATA, seed=1)
    loader = loader_over(sampler, num_workers=num_workers)
    # As Lightning does: it makes the iterator of the epoch that is over, asks it for nothing, and goes on.
    sampler.start_at(epoch=1, start=NUM_EXAMPLES)
    unused = iter(loader)
    sampler.set_epoch(2)
    assert [index for batch in batches(loader) for index in batch] == [DATA[index] for index in order_of(1, 2)]
    del unused


def test_an_entry_is_taken_when_the_iterator_is_made() -> None:
    sampler = ResumableSampler(DATA, seed=1)
    sampler.start_at(epoch=4, start=7)
    iterator = iter(sampler)
    sampler.set_epoch(2)
    sampler.start_at(epoch=5, start=1)
    assert list(iterator) == order_of(1, 4)[7:]
    assert list(sampler) == order_of(1, 5)[1:]


def test_without_an_entry_the_epoch_is_that_of_the_making_of_the_iterator() -> None:
    sampler = ResumableSampler(DATA, seed=1)
    iterator = iter(sampler)
    sampler.set_epoch(2)
    assert list(iterator) == order_of(1, 0)


@pytest.mark.parametrize("start", [0, NUM_EXAMPLES])
def test_the_first_and_last_entry(start: int) -> None:
    sampler = ResumableSampler(DATA, seed=1)
    sampler.start_at(epoch=0, start=start)
    assert list(sampler) == order_of(1, 0)[start:]


def test_an_entry_does_not_shorten_the_epoch_s_length() -> None:
    sampler = ResumableSampler(DATA)
    sampler.start_at(epoch=0, start=7)
    assert (len(sampler), sampler.num_samples, sampler.total_size) == (11, 11, 11)


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_another_world_goes_on_with_the_same_global_order(before: int, after: int, data: st.DataObject) -> None:
    rounds = data.draw(st.integers(0, NUM_EXAMPLES // before))
    sampler, hands = ResumableSampler(DATA, seed=1), []
    for world_size, start in ((before, 0), (after, rounds * before)):
        dealt = []
        for rank in range(world_size):
            with process(rank, world_size):
                sampler.start_at(epoch=2, start=start)
                dealt.append(list(sampler))
        hands.append([index for hand in zip(*dealt, strict=True) for index in hand])
    first, second = hands
    assert (first[: rounds * before] + second)[:NUM_EXAMPLES] == order_of(1, 2)


@pytest.mark.parametrize("world_size", [1, 2])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(
    "workers",
    [{"num_workers": 0}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}],
    ids=["0", "2", "persistent"],
)
def test_a_resumed_loader_gives_the_remaining_batches(
    workers: dict[str, Any], drop_last: bool, world_size: int
) -> None:
    with process(world_size - 1, world_size):
        sampler = ResumableSampler(DATA, seed=1)
        loader = loader_over(sampler, drop_last=drop_last, **workers)
        whole = {}
        for epoch in (0, 1, 2):
            sampler.set_epoch(epoch)
            whole[epoch] = batches(loader)
            assert len(loader) == len(whole[epoch])
        assert whole[0] != whole[1]
        for processed in range(len(whole[1])):
            # As Lightning does: the epoch is set after the iterator is made.
            sampler.set_epoch(0)
            sampler.start_at(epoch=1, start=processed * BATCH_SIZE * world_size)
            iterator = iter(loader)
            sampler.set_epoch(1)
            assert [batch.tolist() for batch in iterator] == whole[1][processed:]
            sampler.set_epoch(2)
            assert batches(loader) == whole[2]


def test_inside_a_batch_sampler_of_the_user() -> None:
    sampler = ResumableSampler(DATA, seed=1)
    in_threes: Any = BatchSampler(sampler, batch_size=3, drop_last=False)
    loader: DataLoader[Any] = DataLoader(DATA, batch_sampler=in_threes)
    whole = batches(loader)
    sampler.start_at(epoch=0, start=6)
    assert batches(loader) == whole[2:]


def test_a_loader_built_before_the_processes_exist() -> None:
    loader = loader_over(ResumableSampler(DATA, shuffle=False))
    assert len(loader) == 6
    with process(1, 2):
        assert len(loader) == 3
        assert batches(loader) == [[101, 103], [105, 107], [109, 100]]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_keyed_samples_tell_the_epoch_to_every_worker(num_workers: int) -> None:
    sampler = ResumableSampler(Keyed(), seed=1, keyed=True)
    options: dict[str, Any] = {"num_workers": num_workers, "persistent_workers": num_workers > 0}
    loader: DataLoader[Any] = DataLoader(Keyed(), batch_size=None, sampler=sampler, **options)

    def keys() -> Iterator[tuple[int, int]]:
        return ((int(epoch), int(index)) for epoch, index in loader)

    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        assert list(keys()) == [(epoch, index) for index in order_of(1, epoch)]
    sampler.start_at(epoch=3, start=8)
    assert list(keys()) == [(3, index) for index in order_of(1, 3)[8:]]


def test_the_seed_is_that_of_seed_everything_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    unseeded, seeded = ResumableSampler(DATA), ResumableSampler(DATA, seed=3)
    assert (unseeded.seed, list(unseeded)) == (0, order_of(0, 0))
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert (unseeded.seed, list(unseeded)) == (7, order_of(7, 0))
    assert (seeded.seed, list(seeded)) == (3, order_of(3, 0))


def test_what_a_callback_asks() -> None:
    sampler = ResumableSampler(DATA)
    assert (sampler.num_examples, sampler.seed, sampler.keyed) == (NUM_EXAMPLES, 0, False)
    assert ResumableSampler(DATA, keyed=True).keyed


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])
def test_a_copy_has_settings_epoch_and_entry_and_leaves_the_original_alone(copied: Any) -> None:
    sampler = ResumableSampler(DATA, seed=1, keyed=True)
    sampler.set_epoch(2)
    sampler.start_at(epoch=4, start=7)
    again = copied(sampler)
    for one in (again, sampler):
        assert list(one) == [(4, index) for index in order_of(1, 4)[7:]]
        assert list(one) == [(2, index) for index in order_of(1, 2)]


def test_a_spawned_process_samples_alike() -> None:
    sampler = ResumableSampler(DATA, seed=1)
    sampler.start_at(epoch=4, start=7)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(list, (sampler,)) == order_of(1, 4)[7:]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"data_source": []}, ValueError, "len(data_source) must be a positive integer, got 0."),
        ({"data_source": 3}, TypeError, "data_source must have a length, got <class 'int'>."),
        ({"seed": -1}, ValueError, "seed must be an integer of at least 0, got -1."),
        ({"seed": True}, TypeError, "seed must be an integer of at least 0, got True."),
        ({"seed": 1.0}, TypeError, "seed must be an integer of at least 0, got 1.0."),
    ],
)
def test_a_bad_argument_is_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refused:
        ResumableSampler(**{"data_source": DATA, **options})
    assert str(refused.value) == f"ResumableSampler: {text}"


@pytest.mark.parametrize(
    ("epoch", "start", "error", "text"),
    [
        (-1, 0, ValueError, "epoch must be an integer of at least 0, got -1."),
        (True, 0, TypeError, "epoch must be an integer of at least 0, got True."),
        (0, -1, ValueError, "start must be an integer of at least 0, got -1."),
        (0, 2.0, TypeError, "start must be an integer of at least 0, got 2.0."),
        (0, 12, ValueError, "start must be at most the size of the data set, 11, got 12."),
    ],
)
def test_a_bad_entry_is_refused_and_not_kept(epoch: Any, start: Any, error: type[Exception], text: str) -> None:
    sampler = ResumableSampler(DATA)
    with pytest.raises(error) as refused:
        sampler.start_at(epoch, start)
    assert str(refused.value) == f"ResumableSampler: {text}"
    assert list(sampler) == order_of(0, 0)


@pytest.mark.parametrize("setting", ["-1", "", "x"])
def test_a_bad_global_seed_is_refused(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", setting)
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the text is compared
        iter(ResumableSampler(DATA))
    assert str(refused.value) == f"ResumableSampler: PL_GLOBAL_SEED must be an integer of at least 0, got {setting!r}."
