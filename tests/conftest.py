import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch

PROCESS_WIDE = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")


@pytest.fixture(autouse=True)
def _seeds_end_with_the_test() -> Iterator[None]:
    """``seed_everything`` seeds the process, and callbacks read the seed it leaves in the environment."""
    before = {name: os.environ.get(name) for name in PROCESS_WIDE}
    numpy_state = np.random.get_state()  # noqa: NPY002  # what seed_everything touches
    with torch.random.fork_rng():
        yield
    np.random.set_state(numpy_state)  # noqa: NPY002
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
