"""Copies that may be trained: the originals, their loaders and the global generators stay as they are."""

import copy
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from lightning_regkit._lightning import pl
from lightning_regkit._lightning._generators import forked_torch, generator_states, restore_generators

__all__ = ["isolated", "quiet", "twin_of"]

Value = TypeVar("Value")
SHARED = (Dataset, pl.Trainer)
#: Where Lightning keeps the seed of the run.
SEED: Final = "PL_GLOBAL_SEED"


def twin_of(value: Value) -> Value:
    """Copy a module, a data module, callbacks or loaders; data sets and Trainers inside are shared.

    Args:
        value: What to copy. Samplers, generators and batch samplers of its loaders are copied with it, an iterator that
            a loader keeps for its workers is not.

    Returns:
        The copy: weights, buffers and everything else equal, nothing but data sets in common.
    """
    memo: dict[int, object] = {}
    for inside in _inside(value):
        if isinstance(inside, SHARED):
            memo[id(inside)] = inside
        elif isinstance(inside, DataLoader):
            memo[id(inside.dataset)] = inside.dataset
            if inside._iterator is not None:  # noqa: SLF001  # nowhere public
                memo[id(inside._iterator)] = None  # noqa: SLF001
    return copy.deepcopy(value, memo)


def _inside(value: object) -> Iterator[object]:
    """List ``value``, and what it holds in attributes, dicts, lists and tuples, three levels deep."""
    level: list[object] = [value]
    for _ in range(4):
        yield from level
        level = [each for holder in level for each in _held(holder)]


def _held(holder: object) -> list[object]:
    if isinstance(holder, dict):
        return list(holder.values())
    if isinstance(holder, list | tuple):
        return list(holder)
    if isinstance(holder, pl.LightningModule | pl.LightningDataModule):
        return list(vars(holder).values())
    return []


@contextmanager
def isolated(device: torch.device, seed: int) -> Iterator[None]:
    """Seed the global generators of torch, and put these, NumPy's and Python's back as they were.

    Args:
        device: The one that trains.
        seed: Of torch's, which orders batches and draws noise.
    """
    states, is_ours = generator_states(device), SEED not in os.environ
    if is_ours:  # the noise of callbacks is keyed by it
        os.environ[SEED] = str(seed)
    try:
        with forked_torch(device) as reseed:
            reseed(seed)
            yield
    finally:
        restore_generators(states, device)
        if is_ours:
            del os.environ[SEED]


@contextmanager
def quiet() -> Iterator[None]:
    """Let Lightning say nothing below an error: its advice is for the runs of the user, not for a hundred steps."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "pytorch_lightning")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(lightning\.|pytorch_lightning\.).*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
