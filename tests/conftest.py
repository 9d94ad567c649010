import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

PROCESS_WIDE = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@contextmanager
def _seeds_restored() -> Iterator[None]:
    """Undo what ``seed_everything`` does to the process; callbacks read the seed it leaves in the environment."""
    before = {name: os.environ.get(name) for name in PROCESS_WIDE}
    states = random.getstate(), np.random.get_state()  # noqa: NPY002  # what seed_everything touches
    with torch.random.fork_rng():
        yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
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


@pytest.fixture
def logs_of_lightning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Let the lines that Lightning prints reach ``caplog``."""
    for name in ("lightning", "lightning.pytorch"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    caplog.set_level(logging.INFO)
