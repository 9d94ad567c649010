"""The learning rate of another batch size, and what counts as the batch."""

import math
from typing import Literal

from lightning_regkit._checks import one_of, positive_float, positive_int

__all__ = ["global_batch", "scale_lr"]


def global_batch(batch_size: int, *, devices: int = 1, accumulated: int = 1) -> int:
    """Return how many examples enter one optimizer step.

    Args:
        batch_size: Examples in one batch of one device, >= 1.
        devices: Processes that train on data of their own and average their gradients, over all nodes, >= 1.
        accumulated: Batches whose gradients are added up for one step, >= 1.

    Returns:
        The product, >= ``batch_size``; what ``scale_lr`` takes for ``batch``.

    Raises:
        TypeError: An argument is no integer.
        ValueError: An argument is below 1.

    Example:
        >>> import lightning_regkit as rk
        >>> rk.optim.global_batch(32, devices=256)
        8192
    """
    per_device = positive_int("optim.global_batch", "batch_size", batch_size)
    per_round = per_device * positive_int("optim.global_batch", "devices", devices)
    return per_round * positive_int("optim.global_batch", "accumulated", accumulated)


def scale_lr(lr: float, *, batch: int, reference_batch: int = 256, rule: Literal["linear", "sqrt"] = "linear") -> float:
    """Return the learning rate for a batch k times as large as the one the rate was tuned for.

    With k = batch / reference_batch the rate is multiplied by k (``linear``) or by sqrt(k) (``sqrt``). It grows
    with the batch: a step that averages k times as many gradients stands for k small steps.

    Args:
        lr: Rate tuned for ``reference_batch``, > 0.
        batch: Examples that enter one optimizer step, over all devices and accumulated batches, >= 1.
        reference_batch: Examples per step the rate was tuned for, >= 1.
        rule: ``linear`` for SGD and its kin, ``sqrt`` for adaptive methods (``describe(name).is_adaptive``).

    Returns:
        A rate > 0; ``lr`` itself when the batches are equal, larger when ``batch`` is larger. Two scalings in a row are
        the same as one.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range, or ``rule`` is unknown.

    Example:
        >>> import lightning_regkit as rk
        >>> rk.optim.scale_lr(0.1, batch=8192)
        3.2
        >>> rk.optim.scale_lr(0.001, batch=1024, rule="sqrt")
        0.002

    Reference:
        Goyal et al. 2017, arXiv 1706.02677, section 2.1 (linear); Krizhevsky 2014, arXiv 1404.5997, section 5, and
        Malladi et al. 2022, arXiv 2205.10287 (square root, the latter for adaptive methods).
    """
    positive_float("optim.scale_lr", "lr", lr)
    positive_int("optim.scale_lr", "batch", batch)
    positive_int("optim.scale_lr", "reference_batch", reference_batch)
    one_of("optim.scale_lr", "rule", rule, ("linear", "sqrt"))
    ratio = batch / reference_batch
    return lr * (ratio if rule == "linear" else math.sqrt(ratio))
