"""Which training steps are logged, where they are in the run, and what the batch and the step's result hold."""

from typing import TYPE_CHECKING, Any

from torch import Tensor

from lightning_regkit._lightning._containers import children
from lightning_regkit._lightning._gradients import loss_scale
from lightning_regkit._lightning._layout import is_images

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit._lightning._namespace import pl

__all__ = ["global_samples", "gradient_scale", "is_logging_step", "logged_step", "returned_loss"]


def is_logging_step(trainer: "pl.Trainer") -> bool:
    """Tell whether the training batch that begins ends with a step that Lightning logs.

    Args:
        trainer: In ``on_train_batch_start``. One without loggers logs nothing, nor does ``fast_dev_run``.

    Returns:
        The same on every rank.
    """
    is_trial = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]  # set by Trainer.__init__
    if is_trial or not trainer.loggers or trainer.fit_loop._should_accumulate():  # noqa: SLF001  # nowhere public
        return False
    return bool(trainer._logger_connector.should_update_logs)  # noqa: SLF001  # nowhere public


def logged_step(trainer: "pl.Trainer", *, at_epoch_end: bool = False) -> int:
    """Return the step under which Lightning itself logs what training has logged.

    Args:
        trainer: In ``on_train_batch_end``, or in ``on_train_epoch_end``.
        at_epoch_end: Whether in the latter.
    """
    return trainer.fit_loop.epoch_loop._batches_that_stepped - at_epoch_end  # noqa: SLF001  # nowhere public


def global_samples(trainer: "pl.Trainer", batch: Any) -> int:
    """Count the samples of a batch times the processes with data of their own, which are taken to have as many each.

    Args:
        trainer: In a fit.
        batch: Of any layout; the length of its first tensor, or list of images, counts.

    Returns:
        0 where there is no tensor.
    """
    replicas = (trainer.distributed_sampler_kwargs or {"num_replicas": 1})["num_replicas"]
    return _length(batch) * int(replicas)


def returned_loss(trainer: "pl.Trainer", outputs: Any) -> Tensor | None:
    """Return the loss of the batch as ``training_step`` returned it: Lightning has divided it by the accumulation.

    Args:
        trainer: In ``on_train_batch_end``.
        outputs: As that hook gets them.

    Returns:
        A detached tensor; None where there is no loss.
    """
    loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
    if not isinstance(loss, Tensor):
        return None
    return loss.detach() * trainer.accumulate_grad_batches


def gradient_scale(trainer: "pl.Trainer", optimizer: "Optimizer") -> float:
    """Return what the gradients are still multiplied by in ``on_before_optimizer_step``.

    Args:
        trainer: In that hook.
        optimizer: Its argument. Fused ones unscale in their step, where mixed precision scales the loss.

    Returns:
        1 for every other; else the scale, which waits for the device.
    """
    is_fused = any(group.get("fused") for group in optimizer.param_groups)
    return loss_scale(trainer) if is_fused else 1.0


def _length(batch: Any, *, is_inside: bool = False) -> int:
    if isinstance(batch, Tensor):
        return len(batch) if batch.ndim else 0
    if is_inside and is_images(batch):
        return len(batch)
    lengths = (_length(child, is_inside=True) for child in children(batch).values())
    return next((length for length in lengths if length), 0)
