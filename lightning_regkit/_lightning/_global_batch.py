"""What one optimizer step is made of: the batch of a device, the devices, the batches accumulated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from torch.utils.data import BatchSampler, DataLoader

from lightning_regkit._checks import message
from lightning_regkit._lightning._horizon import accumulation_scheduler
from lightning_regkit._lightning._loaders import flat_loaders
from lightning_regkit._lightning._namespace import pl

__all__ = ["BatchParts", "batch_parts", "training_loaders"]


@final
@dataclass(frozen=True)
class BatchParts:
    """The factors of the global batch.

    Args:
        batch_size: Examples in one batch of one device, >= 1.
        devices: Processes with data of their own, over all nodes, >= 1.
        accumulated: Batches whose gradients are added up for one step, >= 1.
    """

    batch_size: int
    devices: int
    accumulated: int


def training_loaders(trainer: "pl.Trainer") -> list[object]:
    """List the training loaders of a fit, also before Lightning has asked for them.

    A hook is then asked once more than in a bare fit; the global random generators are put back, so that the second
    time it draws what it would have drawn.
    """
    if trainer.train_dataloader is not None:
        return flat_loaders(trainer.train_dataloader)
    with pl.utilities.seed.isolate_rng():
        return flat_loaders(trainer.fit_loop._data_source.dataloader())  # noqa: SLF001  # nowhere public


def batch_parts(
    owner: str, trainer: "pl.Trainer", loaders: Sequence[object], batch_size: int | None = None
) -> BatchParts:
    """Read off what one optimizer step is made of.

    Args:
        owner: The callback's name, for messages.
        trainer: The Trainer; need not be in a fit.
        loaders: The training loaders; not looked at where ``batch_size`` is given.
        batch_size: What the user says of one batch of one device.

    Returns:
        The factors, each at least 1.

    Raises:
        ValueError: The loaders do not tell the batch size, or the accumulation changes.
    """
    size = _batch_size(owner, loaders) if batch_size is None else batch_size
    # Not the world size: devices that share the parts of one model see the same data.
    replicas = (trainer.distributed_sampler_kwargs or {"num_replicas": 1})["num_replicas"]
    return BatchParts(size, int(replicas), _accumulated(owner, trainer))


def _batch_size(owner: str, loaders: Sequence[object]) -> int:
    sizes = [_size_of(loader) for loader in loaders]
    if len(sizes) != 1 or sizes[0] is None:
        condition = "be one DataLoader that tells its batch size"
        found = [type(loader).__name__ for loader in loaders]
        remedy = "Pass batch_size= with the examples in one batch of one device."
        raise ValueError(message(owner, "train_dataloader", condition, found, remedy))
    return sizes[0]


def _size_of(loader: object) -> int | None:
    if not isinstance(loader, DataLoader):
        return None
    sampler = loader.batch_sampler
    return sampler.batch_size if isinstance(sampler, BatchSampler) else loader.batch_size


def _accumulated(owner: str, trainer: "pl.Trainer") -> int:
    scheduler = accumulation_scheduler(trainer)
    if scheduler is None:
        return int(trainer.accumulate_grad_batches)
    windows = set(scheduler.scheduling.values())
    if len(windows) > 1:
        remedy = "Pass Trainer(accumulate_grad_batches=) instead."
        condition = "keep one accumulation, for the rate is scaled once"
        found = dict(sorted(scheduler.scheduling.items()))
        raise ValueError(message(owner, "GradientAccumulationScheduler", condition, found, remedy))
    return int(windows.pop())
