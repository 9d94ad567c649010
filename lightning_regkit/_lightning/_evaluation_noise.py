"""Noise in an evaluation: a function of where it is drawn, so that a rerun repeats it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, final

import torch

from lightning_regkit._lightning._generators import forked_torch
from lightning_regkit._lightning._ranks import data_rank
from lightning_regkit._random import StreamKey, generator

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["EvaluationNoise"]

SEEDS: Final = 2**63


@final
class EvaluationNoise:
    """Seeds torch's generators for every sample of every call on every batch; they are as before afterwards.

    The key is (seed, rank, loader, batch, call, sample); the rank is that of the share of the data. Calls are counted
    within a batch: under an average over views and members, each of which calls the predictor again, the call stands
    for member and view.

    Args:
        owner: The callback's name.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._seed, self._rank, self._device = 0, 0, torch.device("cpu")
        self._batch_idx, self._dataloader_idx, self._calls = 0, 0, 0

    def start(self, pl_module: "pl.LightningModule") -> None:
        """Settle the seed of an evaluation: rank 0's ``PL_GLOBAL_SEED``, else 0."""
        trainer = pl_module.trainer
        self._seed = int(trainer.strategy.broadcast(int(os.environ.get("PL_GLOBAL_SEED", "0")), src=0))
        self._rank, self._device = data_rank(trainer), pl_module.device

    def begin(self, batch_idx: int, dataloader_idx: int) -> None:
        """Begin a batch."""
        self._batch_idx, self._dataloader_idx, self._calls = batch_idx, dataloader_idx, 0

    @contextmanager
    def call(self) -> Iterator[Callable[[int], object]]:
        """Begin a call; yield what seeds the generators for its sample 0, 1, ..."""
        call, self._calls = self._calls, self._calls + 1
        with forked_torch(self._device) as seed:
            yield lambda sample: seed(self._word(call, sample))

    def _word(self, call: int, sample: int) -> int:
        purpose = f"{self._owner}/{self._dataloader_idx}"
        key = StreamKey(self._seed, self._rank, call, self._batch_idx, purpose, sample)
        return int(generator(key).integers(SEEDS))
