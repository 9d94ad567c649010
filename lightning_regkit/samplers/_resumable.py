"""A training order that can be entered anywhere."""

import math
import os
from collections.abc import Iterator, Sized
from itertools import repeat
from typing import final

from typing_extensions import override

from lightning_regkit._checks import message, non_negative_int, positive_int
from lightning_regkit.samplers._order import deal, sample_order
from lightning_regkit.samplers._ranks import LazyRankSampler, rank_and_world_size

__all__ = ["ResumableSampler"]


@final
class ResumableSampler(LazyRankSampler[int | tuple[int, int]]):
    """Sample a data set in an order that depends on (seed, epoch) alone, from any sample on.

    The order is :func:`sample_order`, this process's part of it :func:`deal`; rank and world size are asked of
    ``torch.distributed`` whenever they are needed, so the sampler may be built before the processes exist. Everything
    an iterator depends on is settled when ``__iter__`` is called, not at the first sample.

    Args:
        data_source: The data set; only its length n is read, n >= 1.
        shuffle: Whether every epoch has a random order of its own, or all have 0, 1, ..., n - 1.
        seed: Seed of the order, >= 0, equal on all ranks. None: ``PL_GLOBAL_SEED`` when an iterator is made, else 0, as
            Lightning's own distributed sampler.
        keyed: Whether (epoch, index) is given for every sample, not the index alone: for data sets that key their
            augmentation by it. Persistent workers learn the epoch in no other way.

    Returns:
        A sampler of ceil(n / world size) samples an epoch: as many on every rank, the last ones repeated from the
        beginning of the epoch's order. It can be copied and pickled.

    Raises:
        TypeError: ``data_source`` has no length, or ``seed`` is no integer.
        ValueError: ``data_source`` is empty, or ``seed`` is negative.

    Example:
        >>> sampler = ResumableSampler("abcde", shuffle=False, keyed=True)
        >>> sampler.start_at(epoch=2, start=3)
        >>> list(sampler)
        [(2, 3), (2, 4)]
    """

    def __init__(
        self, data_source: Sized, *, shuffle: bool = True, seed: int | None = None, keyed: bool = False
    ) -> None:
        super().__init__(data_source, shuffle=shuffle)
        positive_int("ResumableSampler", "len(data_source)", self.num_examples)
        self._seed = None if seed is None else non_negative_int("ResumableSampler", "seed", seed)
        self._keyed = keyed
        self._entry: tuple[int, int] | None = None

    @property
    @override
    def seed(self) -> int:  # type: ignore[override]  # torch sets it in the constructor, before seed_everything may run
        """Seed of the order, as an iterator made now would use it."""
        if self._seed is not None:
            return self._seed
        setting = os.environ.get("PL_GLOBAL_SEED", "0")
        if not setting.isdecimal():
            raise ValueError(message("ResumableSampler", "PL_GLOBAL_SEED", "be an integer of at least 0", setting))
        return int(setting)

    @property
    def keyed(self) -> bool:
        """Whether samples are (epoch, index)."""
        return self._keyed

    @property
    @override
    def total_size(self) -> int:  # type: ignore[override]
        """Samples of all ranks together in a whole epoch, repeats included."""
        _, world_size = rank_and_world_size()
        return len(self) * world_size

    def start_at(self, epoch: int, start: int) -> None:
        """Let the next iterator, and that one alone, begin inside an epoch.

        Lightning calls ``set_epoch`` after it has made the iterator. If it names another epoch before that iterator
        is asked for its first sample, the epoch entered here is over without one, and the entry is void.

        Args:
            epoch: Epoch of that iterator, 0-based.
            start: Samples of its order that all ranks together have used, in [0, n].

        Raises:
            TypeError: A number is not an integer.
            ValueError: A number is out of range.
        """
        non_negative_int("ResumableSampler", "epoch", epoch)
        if non_negative_int("ResumableSampler", "start", start) > self.num_examples:
            condition = f"be at most the size of the data set, {self.num_examples}"
            raise ValueError(message("ResumableSampler", "start", condition, start))
        self._entry = (epoch, start)

    @override
    def set_epoch(self, epoch: int) -> None:
        super().set_epoch(epoch)
        if self._entry is not None and self._entry[0] != epoch:
            self._entry = None

    @override
    def __iter__(self) -> Iterator[int | tuple[int, int]]:
        # No generator: Lightning makes the iterator of a resumed epoch before it calls set_epoch.
        epoch, start = self._entry or (self.epoch, 0)
        self._entry = None
        rank, world_size = rank_and_world_size()
        order = sample_order(self.num_examples, seed=self.seed, epoch=epoch, shuffle=self.shuffle)
        indices: list[int] = deal(order, rank=rank, world_size=world_size, start=start).tolist()
        return zip(repeat(epoch), indices, strict=False) if self._keyed else iter(indices)

    @override
    def __len__(self) -> int:
        _, world_size = rank_and_world_size()
        return math.ceil(self.num_examples / world_size)
