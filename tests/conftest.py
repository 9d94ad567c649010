import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

PROCESS_WIDE = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")


@contextmanager
def _seeds_restored() -> Iterator[None]:
    """Undo what ``seed_everything`` does to the process; callbacks read the seed it leaves in the environment."""
    before = {name: os.environ.get(name) for name in PROCESS_WIDE}
    numpy_state = np.random.get_state()  # noqa: NPY002  # what seed_everything touches
    with torch.random.fork_rng():
        yield
    np.random.set_state(numpy_state)  # noqa: NPY002
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(autouse=True)
def _seeds_end_with_the_test() -> Iterator[None]:
    with _seeds_restored():
        yield


@pytest.fixture(autouse=True, scope="module")
def _seeds_of_shared_fixtures_end_with_the_module() -> Iterator[None]:
    with _seeds_restored():
        yield
