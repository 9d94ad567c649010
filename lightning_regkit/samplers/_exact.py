"""Evaluation on several processes that counts every sample once."""

from collections.abc import Iterator, Sized
from typing import final

from typing_extensions import override

from lightning_regkit.samplers._ranks import LazyRankSampler, rank_and_world_size

__all__ = ["ExactDistributedSampler"]


@final
class ExactDistributedSampler(LazyRankSampler[int]):
    """Give rank r of W the samples r, r + W, r + 2W, ... of a data set, in this order, and nothing twice.

    torch's ``DistributedSampler`` repeats samples until all ranks have equally many, which moves every metric. Rank and
    world size are asked of ``torch.distributed`` whenever they are needed, so the sampler may be built before the
    processes exist.

    Ranks may differ by one in length, so a step that waits for the other ranks (a collective of its own, or the
    gradients of DDP) would wait for ever in the last batch: for validation, test and prediction only. A data set with
    fewer samples than there are ranks leaves some with length 0, which Lightning refuses. Where W does not divide n,
    Lightning rounds the weight of ``self.log(..., sync_dist=True)``: log a ``torchmetrics.MeanMetric`` instead.

    Args:
        data_source: The data set; only its length n is read.

    Returns:
        A sampler: over all ranks, every index in 0, ..., n - 1 exactly once. ``set_epoch`` changes nothing. It can be
        copied and pickled.

    Raises:
        TypeError: ``data_source`` has no length.

    Example:
        >>> list(ExactDistributedSampler("abc"))
        [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        super().__init__(data_source, shuffle=False)
        self.seed = 0

    @property
    @override
    def total_size(self) -> int:  # type: ignore[override]
        """Samples of all ranks together: n."""
        return self.num_examples

    @override
    def __iter__(self) -> Iterator[int]:
        return iter(self._share())

    @override
    def __len__(self) -> int:
        return len(self._share())

    def _share(self) -> range:
        rank, world_size = rank_and_world_size()
        return range(rank, self.num_examples, world_size)
