"""Evaluation on several processes whose shares differ by one sample: its loaders, and what logging does then.

Lightning's own samplers pad, so its logging takes shares of equal length for granted: a value synchronized after each
batch waits for ever for a process that has one batch less, and a synchronized mean divides by the samples of an
average process, rounded down to an integer.
"""

from typing import TYPE_CHECKING, Any

from torch.utils.data import BatchSampler, DataLoader, DistributedSampler

from lightning_regkit._checks import message
from lightning_regkit._lightning._loaders import flat_loaders

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["evaluation_samplers", "refuse_uneven_logs"]


def evaluation_samplers(trainer: "pl.Trainer", stage: str) -> list[object]:
    """List the samplers of an evaluation, after Lightning has put in its own.

    Args:
        trainer: Past the setup of the stage's data.
        stage: ``"validate"``, in a fit too, or ``"test"``.

    Returns:
        One for each ``DataLoader`` in whatever collection the user returned, in Lightning's order.
    """
    return [_sampler(loader) for loader in _loaders(trainer, stage) if isinstance(loader, DataLoader)]


def refuse_uneven_logs(owner: str, trainer: "pl.Trainer", stage: str, dataloader_idx: int) -> None:
    """Refuse logging that hangs or gives a wrong mean where shares differ, after the first batch of a loader.

    All processes come to the same verdict, without asking each other.

    Args:
        owner: Public name of the callback.
        trainer: In the evaluation, its first batch logged.
        stage: ``"validate"`` or ``"test"``.
        dataloader_idx: Which of the loaders.

    Raises:
        ValueError: A value is synchronized in every batch though one process has a batch more, or a synchronized mean
            has weights that Lightning would round.
    """
    loader = _loaders(trainer, stage)[dataloader_idx]
    if trainer.world_size == 1 or not isinstance(loader, DataLoader) or loader.batch_size is None:
        return
    sampler = _sampler(loader)
    if not isinstance(sampler, DistributedSampler) or sampler.total_size % trainer.world_size == 0:
        return
    batches = _batches(loader, sampler.total_size // trainer.world_size)
    examples = min(loader.batch_size, len(sampler))
    for _, result in trainer._results.valid_items():  # type: ignore[union-attr]  # noqa: SLF001  # nowhere public
        if result.is_tensor and result.meta.sync.should:
            _refuse_waiting(owner, result, batches)
            _refuse_rounding(owner, result, trainer.world_size, examples)


def _refuse_waiting(owner: str, result: Any, batches: tuple[int, int]) -> None:
    if result.meta.on_step and batches[0] != batches[1]:
        condition = f"not be synchronized on each batch where processes have {batches[0]} and {batches[1]}"
        remedy = "One would wait for ever: log it with on_step=False."
        raise ValueError(message(owner, f"self.log({result.meta.name!r})", condition, "on_step=True", remedy))


def _refuse_rounding(owner: str, result: Any, world_size: int, examples: int) -> None:
    if not (result.meta.on_epoch and result.meta.is_mean_reduction):
        return
    weight = result.cumulated_batch_size
    if not weight.is_floating_point() and weight.item() % (examples * world_size):
        argument = f"batch_size of self.log({result.meta.name!r}, sync_dist=True)"
        condition = f"be a multiple of {examples} inputs times {world_size} processes"
        remedy = (
            "Else Lightning rounds the mean's denominator down: pass batch_size=len(inputs) * self.trainer.world_size, "
            "or log a torchmetrics.MeanMetric."
        )
        raise ValueError(message(owner, argument, condition, weight.item(), remedy))


def _loaders(trainer: "pl.Trainer", stage: str) -> list[object]:
    return flat_loaders(trainer.test_dataloaders if stage == "test" else trainer.val_dataloaders)


def _sampler(loader: DataLoader[Any]) -> object:
    """Look into a batch sampler of torch's kind; Lightning puts the distributed sampler inside."""
    batches = loader.batch_sampler
    return batches.sampler if isinstance(batches, BatchSampler) else loader.sampler


def _batches(loader: DataLoader[Any], share: int) -> tuple[int, int]:
    """Count the batches of processes with ``share + 1`` and with ``share`` samples."""
    assert loader.batch_size is not None  # noqa: S101  # for the type checker
    slack = 0 if loader.drop_last else loader.batch_size - 1
    return (share + 1 + slack) // loader.batch_size, (share + slack) // loader.batch_size
