"""The process-wide generators, for transforms of others that draw from them."""

import random  # noqa: TID251  # its generator is lent, and given back as it was
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["global_generators_seeded"]

WORD = 2**32


@contextmanager
def global_generators_seeded(seed: int) -> Iterator[None]:
    """Seed the generators of Python, NumPy and torch (on the CPU) for a while; afterwards they are as they were.

    Args:
        seed: In [0, 2^64). torch's generator keeps 32 bits of it.

    Example:
        >>> with global_generators_seeded(1):
        ...     first = random.random()
        >>> with global_generators_seeded(1):
        ...     first == random.random()
        True
    """
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  # the one that others draw from
    device_free = torch.default_generator.get_state()
    try:
        random.seed(seed)
        np.random.seed([seed % WORD, seed // WORD])  # noqa: NPY002
        torch.default_generator.manual_seed(seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.default_generator.set_state(device_free)
