"""A distributed sampler that asks for its rank when it needs it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sized
from typing import Any, TypeVar, cast

from torch import distributed
from torch.utils.data import Dataset, DistributedSampler
from typing_extensions import override

from lightning_regkit._checks import message, non_negative_int

__all__ = ["LazyRankSampler", "rank_and_world_size"]

T_co = TypeVar("T_co", covariant=True)


def rank_and_world_size() -> tuple[int, int]:
    """Return this process's rank and the number of processes: 0 of 1 where no process group is initialized."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


class LazyRankSampler(DistributedSampler[T_co], ABC):
    """Base of our samplers: torch's attributes, those that depend on the process group read from it each time.

    It is a ``DistributedSampler`` for one reason: Lightning wraps every sampler that is none in one of its own, which
    would deal what is dealt already. torch's ``__init__`` is not called: it wants the process group, and a loader is
    often built before the processes exist.

    Args:
        data_source: What is sampled from; only its length is read.
        shuffle: As torch's attribute.

    Raises:
        TypeError: ``data_source`` has no length.
    """

    def __init__(self, data_source: Sized, *, shuffle: bool) -> None:
        if not isinstance(data_source, Sized):
            raise TypeError(message(type(self).__name__, "data_source", "have a length", type(data_source)))
        self.dataset = cast("Dataset[Any]", data_source)
        self.shuffle = shuffle
        self.drop_last = False
        self.epoch = 0

    @property
    def num_examples(self) -> int:
        """Size n of the data source."""
        return len(cast("Sized", self.dataset))

    # torch sets these four in the constructor; set there they would freeze a world that does not exist yet.
    @property
    @override
    def rank(self) -> int:  # type: ignore[override]
        """This process, in [0, num_replicas)."""
        return rank_and_world_size()[0]

    @property
    @override
    def num_replicas(self) -> int:  # type: ignore[override]
        """Number of processes W."""
        return rank_and_world_size()[1]

    @property
    @override
    def num_samples(self) -> int:  # type: ignore[override]
        """Samples of this rank in a whole epoch."""
        return len(self)

    @property
    @override
    @abstractmethod
    def total_size(self) -> int:  # type: ignore[override]
        """Samples of all ranks together in a whole epoch."""

    @override
    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the iterators made from now on."""
        self.epoch = non_negative_int(type(self).__name__, "epoch", epoch)

    @override
    @abstractmethod
    def __iter__(self) -> Iterator[T_co]: ...

    @override
    @abstractmethod
    def __len__(self) -> int: ...
