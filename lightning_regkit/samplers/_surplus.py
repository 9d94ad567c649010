"""How far a sampler is from giving every sample once."""

from typing import TYPE_CHECKING, cast

from torch.utils.data import DistributedSampler

if TYPE_CHECKING:
    from collections.abc import Sized

__all__ = ["surplus"]


def surplus(sampler: object) -> int:
    """Count what a distributed sampler gives over all ranks in one epoch beyond its data set.

    Args:
        sampler: A loader's sampler, of any kind; not iterated.

    Returns:
        How many samples are repeated; if negative, how many are dropped; 0 for every sample exactly once, as with
        ``ExactDistributedSampler`` and Lightning's sampler for prediction. Also 0 for what is no torch
        ``DistributedSampler``: it does not pad.

    Example:
        >>> surplus(DistributedSampler("abcde", num_replicas=2, rank=0))
        1
        >>> surplus(DistributedSampler("abcde", num_replicas=2, rank=0, drop_last=True))
        -1
    """
    if not isinstance(sampler, DistributedSampler):
        return 0
    return sampler.total_size - len(cast("Sized", sampler.dataset))
