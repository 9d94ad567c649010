import random
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch

from lightning_regkit.augment._global_generators import global_generators_seeded


def drawn() -> tuple[Any, ...]:
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def states() -> tuple[Any, ...]:
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**63 - 1])
def test_each_generator_is_that_of_the_seed(seed: int) -> None:
    with global_generators_seeded(seed):
        ours = drawn()
    legacy = np.random.RandomState([seed % 2**32, seed // 2**32])
    theirs = torch.rand((), generator=torch.Generator().manual_seed(seed)).item()
    assert ours == (random.Random(seed).random(), legacy.rand(), theirs)


def test_different_seeds_draw_differently() -> None:
    seen = []
    for seed in (0, 1, 2**31, 2**33, 2**62):
        with global_generators_seeded(seed):
            seen.append(drawn())
    for one in zip(*(row[:2] for row in seen), strict=True):
        assert len(set(one)) == 5


def test_afterwards_they_are_as_they_were() -> None:
    before = states()
    with global_generators_seeded(3):
        drawn()
        assert states() != before
    assert states() == before


def test_after_an_error_too() -> None:
    before = states()
    with suppress(OSError), global_generators_seeded(3):
        drawn()
        raise OSError
    assert states() == before
