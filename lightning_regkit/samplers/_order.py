"""The order of an epoch, and each process's share of it."""

import math
from typing import Any

import numpy as np

from lightning_regkit._checks import message, non_negative_int, positive_int
from lightning_regkit._random import StreamKey, generator

__all__ = ["deal", "sample_order"]

Indices = np.ndarray[Any, np.dtype[np.int64]]


def sample_order(num_examples: int, *, seed: int, epoch: int, shuffle: bool) -> Indices:
    """Give the order of one epoch, a function of its arguments alone.

    Args:
        num_examples: Size n of the data set, >= 0.
        seed: Seed of the run, >= 0; without effect unless shuffled.
        epoch: 0-based; without effect unless shuffled.
        shuffle: Whether the order is random, all n! orders alike, or 0, 1, ..., n - 1.

    Returns:
        A permutation of 0, ..., n - 1, int64 (n,): equal for equal arguments, in every process. No global generator is
        read or moved.

    Raises:
        TypeError: A number is not an integer.
        ValueError: A number is negative.

    Example:
        >>> sample_order(4, seed=0, epoch=0, shuffle=False).tolist()
        [0, 1, 2, 3]
        >>> sorted(sample_order(4, seed=0, epoch=7, shuffle=True).tolist())
        [0, 1, 2, 3]
    """
    for name, value in (("num_examples", num_examples), ("seed", seed), ("epoch", epoch)):
        non_negative_int("samplers.sample_order", name, value)
    if not shuffle:
        return np.arange(num_examples, dtype=np.int64)
    # Rank 0 for all: every process deals from one order.
    key = StreamKey(seed=seed, rank=0, epoch=epoch, batch_idx=0, purpose="ResumableSampler")
    return generator(key).permutation(num_examples)


def deal(order: Indices, *, rank: int, world_size: int, start: int = 0) -> Indices:
    """Deal what is left of an epoch round robin, equally many to every process.

    With n samples and W processes, rank r gets positions start + r, start + r + W, ... of the order, which goes on with
    its own beginning (position p is order[p mod n]) until all have ceil((n - start) / W).

    Args:
        order: The order of the whole epoch, (n,); not modified.
        rank: This process r, in [0, W).
        world_size: Number of processes W, >= 1.
        start: Samples of the order already used by all processes together, in [0, n].

    Returns:
        A new array (ceil((n - start) / W),). For a start that W divides it is the end of the share from 0, so nobody is
        dealt anything else than without the interruption; for any start, the shares read across the ranks go on with
        the order.

    Raises:
        TypeError: A number is not an integer.
        ValueError: A number is out of range.

    Example:
        >>> order = np.array([3, 0, 4, 1, 2])
        >>> [deal(order, rank=rank, world_size=2).tolist() for rank in range(2)]
        [[3, 4, 2], [0, 1, 3]]
        >>> [deal(order, rank=rank, world_size=2, start=2).tolist() for rank in range(2)]
        [[4, 2], [1, 3]]
    """
    positive_int("samplers.deal", "world_size", world_size)
    if non_negative_int("samplers.deal", "rank", rank) >= world_size:
        raise ValueError(message("samplers.deal", "rank", f"be below world_size, {world_size}", rank))
    num_examples = len(order)
    if non_negative_int("samplers.deal", "start", start) > num_examples:
        condition = f"be at most the length of the order, {num_examples}"
        raise ValueError(message("samplers.deal", "start", condition, start))
    rounds = math.ceil((num_examples - start) / world_size)
    return order[(start + rank + world_size * np.arange(rounds)) % num_examples]
