"""What the tests of this package share: random scores, and the mean as textbooks write it."""

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

SEEDS = st.integers(0, 2**32 - 1)


def random_scores(seed: int, *shape: int, dtype: torch.dtype = torch.float64, scale: float = 3.0) -> Tensor:
    return (scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(dtype)


def random_weights(seed: int, count: int) -> list[float]:
    drawn = torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return [float(value) for value in drawn + 0.05]


def naive_mean(values: Sequence[Tensor], weights: Sequence[float] | None = None) -> Tensor:
    """sum_v w_v x_v / sum_v w_v, all views at once, in float64."""
    shares = torch.tensor([1.0] * len(values) if weights is None else list(weights), dtype=torch.float64)
    stacked = torch.stack([value.double() for value in values])
    return torch.tensordot(shares / shares.sum(), stacked, 1)
