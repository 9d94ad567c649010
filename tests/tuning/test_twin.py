"""Copies share data sets alone, and the global generators come back as they were."""

import logging
import os
import random
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lightning_regkit.tuning._twin import isolated, quiet, twin_of
from tests.support import Classifier, loader, trainer
from tests.tuning.support import Digits

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

CPU = torch.device("cpu")


def test_weights_are_equal_and_not_shared() -> None:
    module = Classifier()
    twin = twin_of(module)
    for ours, theirs in zip(module.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.data_ptr() != theirs.data_ptr()


def test_a_data_set_is_shared_and_its_loader_is_not() -> None:
    generator = torch.Generator().manual_seed(3)
    given: DataLoader[Any] = loader(shuffle=True, generator=generator)
    before = generator.get_state()
    twin = twin_of([given])[0]
    assert twin.dataset is given.dataset
    first = [labels.tolist() for _, labels in twin]
    assert torch.equal(generator.get_state(), before)
    assert [labels.tolist() for _, labels in given] == first


def test_data_sets_in_a_data_module_are_shared() -> None:
    data: Any = Digits()
    data.setup("fit")
    parts = {"train": data.train}
    data.parts = parts
    twin = twin_of((Classifier(), data))[1]
    assert twin.train is data.train
    assert twin.parts["train"] is data.train


def test_an_iterator_of_workers_is_not_copied() -> None:
    given: Any = loader(num_workers=1, persistent_workers=True, multiprocessing_context="spawn")
    given._iterator = object()
    assert twin_of(given)._iterator is None


def test_a_trainer_is_shared() -> None:
    data, owner = Digits(), trainer()
    data.trainer = owner
    assert twin_of(data).trainer is owner


def test_global_generators_come_back() -> None:
    before: Any = torch.get_rng_state(), np.random.get_state(legacy=True), random.getstate()  # noqa: NPY002
    with isolated(CPU, 5):
        assert os.environ["PL_GLOBAL_SEED"] == "5"
        first = torch.rand(3).tolist()
        np.random.rand()  # noqa: NPY002
        random.random()
    assert torch.equal(torch.get_rng_state(), before[0])
    now: Any = np.random.get_state(legacy=True)  # noqa: NPY002
    assert now[1].tolist() == before[1][1].tolist()
    assert random.getstate() == before[2]
    assert "PL_GLOBAL_SEED" not in os.environ
    os.environ["PL_GLOBAL_SEED"] = "7"
    with isolated(CPU, 5):
        assert os.environ["PL_GLOBAL_SEED"] == "7"
        assert torch.rand(3).tolist() == first
    assert os.environ["PL_GLOBAL_SEED"] == "7"
    with pytest.raises(RuntimeError, match="inside"), isolated(CPU, 5):
        raise RuntimeError(f"inside {torch.rand(3)}")
    assert torch.equal(torch.get_rng_state(), before[0])


def test_quiet_ends() -> None:
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    with quiet():
        assert log.level == logging.ERROR
        warnings.warn_explicit("advice", UserWarning, "x.py", 1, module="lightning.pytorch.trainer")
        with pytest.warns(UserWarning, match="mine"):
            warnings.warn("mine", UserWarning, stacklevel=1)
    assert log.level == level
    with pytest.raises(UserWarning, match="advice"):
        warnings.warn_explicit("advice", UserWarning, "x.py", 1, module="lightning.pytorch.trainer")
