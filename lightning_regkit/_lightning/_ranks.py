"""One seed for all ranks, another random stream for each, and lines said once."""

import os
import secrets
from collections.abc import Callable
from itertools import chain, count
from typing import TYPE_CHECKING, Any, TypeVar, final

import torch

from lightning_regkit._lightning._namespace import pl
from lightning_regkit._random import StreamKey, generator

if TYPE_CHECKING:
    import numpy as np

__all__ = ["CHECKPOINT_KEY", "Streams", "data_rank", "free_path", "gather", "run_seed", "say"]

Value = TypeVar("Value")

#: Our part of a checkpoint. Not ``state_dict``: Lightning refuses two equal callbacks that have one.
CHECKPOINT_KEY = "lightning_regkit"


def say(owner: str, text: str) -> None:
    """Print one line, on rank 0 only."""
    pl.utilities.rank_zero_info(f"{owner}: {text}")


def gather(trainer: "pl.Trainer", value: Value) -> list[Value]:
    """Collect one picklable value from every rank, on every rank, in order of rank."""
    if trainer.world_size == 1:
        return [value]
    values: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(values, value)
    return values


def data_rank(trainer: "pl.Trainer") -> int:
    """Return which share of the data this process has: processes that hold parts of one model have the same one."""
    return int((trainer.distributed_sampler_kwargs or {"rank": 0})["rank"])


def free_path(trainer: "pl.Trainer", folder: object, exists: Callable[[str], bool]) -> str:
    """Agree on a file for this run's state, which no other run has written.

    Args:
        trainer: In fit; rank 0 looks.
        folder: Where.
        exists: Tells whether a file is there.

    Returns:
        The file resumed from if it is one of these, else the first of ``resume.ckpt, resume-1.ckpt, ...`` not there.
    """
    given = str(trainer.ckpt_path).replace("-interrupted.ckpt", ".ckpt")
    resumed = (given, os.path.abspath(given))
    names = chain(["resume"], (f"resume-{index}" for index in count(1)))
    paths = (os.path.join(str(folder), f"{name}.ckpt") for name in names)
    return trainer.strategy.broadcast(next(path for path in paths if path in resumed or not exists(path)))


def run_seed(trainer: "pl.Trainer", saved: int | None, owner: str) -> int:
    """Return the seed all ranks share: rank 0's ``PL_GLOBAL_SEED``, else the checkpoint's, else one drawn.

    Args:
        trainer: The running Trainer; its strategy broadcasts the seed.
        saved: The seed of the checkpoint resumed from, or None.
        owner: The callback's name, for the line that says that code and checkpoint differ.

    Returns:
        A non-negative integer, equal on all ranks.
    """
    setting = os.environ.get("PL_GLOBAL_SEED")
    if setting is not None and saved is not None and saved != int(setting):
        say(owner, f"noise comes from seed_everything({setting}); the checkpoint had seed {saved}.")
    ours = int(setting) if setting is not None else secrets.randbits(63) if saved is None else saved
    # Also where it is set: a script may seed each rank differently, or only some.
    return int(trainer.strategy.broadcast(ours, src=0))


@final
class Streams:
    """The random streams of one callback: a fresh one for every training batch of every rank.

    A stream is a function of (seed, rank, epoch, batch_idx, callback), so a resumed run continues with the draws of
    an uninterrupted one, and nothing but the seed needs saving. The rank is that of the share of the data.
    """

    def __init__(self, callback: "pl.Callback") -> None:
        self._callback = callback
        self._purpose = type(callback).__name__
        self._occurrence = 0
        self._saved: int | None = None
        self._seed: int | None = None

    def start(self, trainer: "pl.Trainer") -> None:
        """Settle the seed; called once a fit, on every rank, in ``on_train_start``: some strategies load that late."""
        self._occurrence = self._position(trainer)
        self._seed = run_seed(trainer, self._saved, self._purpose)
        self._saved = None

    def next(self, trainer: "pl.Trainer") -> "np.random.Generator":
        """Return the generator for the batch that is about to be trained on."""
        assert self._seed is not None, "start() comes first"  # noqa: S101  # for the type checker
        key = StreamKey(
            seed=self._seed,
            rank=data_rank(trainer),
            epoch=trainer.current_epoch,
            batch_idx=trainer.fit_loop.batch_idx + 1,  # the counter moves after the transfer
            purpose=self._purpose,
            occurrence=self._occurrence,
        )
        return generator(key)

    def save(self, trainer: "pl.Trainer", checkpoint: dict[str, Any]) -> None:
        """Write the seed into a checkpoint, once there is one (a finder saves before the fit has begun)."""
        if self._seed is not None:
            checkpoint.setdefault(CHECKPOINT_KEY, {})[self._entry(trainer)] = self._seed

    def load(self, trainer: "pl.Trainer", checkpoint: dict[str, Any]) -> None:
        """Read the seed from a checkpoint, if it has one."""
        self._saved = checkpoint.get(CHECKPOINT_KEY, {}).get(self._entry(trainer))

    def _entry(self, trainer: "pl.Trainer") -> str:
        return f"{self._purpose}/{self._position(trainer)}/seed"

    def _position(self, trainer: "pl.Trainer") -> int:
        """Count the callbacks of the same class before this one."""
        same = [other for other in trainer.callbacks if type(other) is type(self._callback)]  # type: ignore[attr-defined]
        return next((index for index, other in enumerate(same) if other is self._callback), 0)
