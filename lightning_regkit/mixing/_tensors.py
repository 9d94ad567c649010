"""What every function of this package asks of arrays and tensors, and what they share."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_regkit._checks import message

__all__ = ["check_array", "check_batch", "check_floating", "mix_pairs", "on_device"]

Array = np.ndarray[Any, np.dtype[Any]]


def check_array(owner: str, argument: str, value: object, dtype: type[np.generic]) -> Array:
    """Return a numpy array of ``dtype``, or refuse what is none.

    Args:
        owner: Public name of what the user called.
        argument: Name of the argument at fault.
        value: What to look at.
        dtype: The only dtype allowed.

    Returns:
        ``value``.

    Raises:
        TypeError: ``value`` is no array, or of another dtype.

    Example:
        >>> check_array("MixupDraw", "partner", np.arange(2), np.int64)
        array([0, 1])
    """
    if not isinstance(value, np.ndarray) or value.dtype != dtype:
        kind = value.dtype if isinstance(value, np.ndarray) else value
        raise TypeError(message(owner, argument, f"be a numpy array of {dtype.__name__}", kind))
    return value


def check_batch(owner: str, argument: str, value: Tensor, batch_size: int) -> None:
    """Refuse a tensor whose first dimension is not the batch of the draw.

    Args:
        owner: Public name of what the user called.
        argument: Name of the argument at fault.
        value: Tensor to look at; its shape only.
        batch_size: B of the draw.

    Raises:
        TypeError: ``value`` is no tensor.
        ValueError: Its first dimension is not ``batch_size``, or it has none.

    Example:
        >>> check_batch("mixing.apply_mixup", "inputs", torch.zeros(4, 3), 4)
    """
    if not isinstance(value, Tensor):
        raise TypeError(message(owner, argument, "be a tensor", value))
    shape = tuple(value.shape)
    if shape[:1] != (batch_size,):
        condition = f"have the batch size of the draw, {batch_size}, as first dimension"
        raise ValueError(message(owner, argument, condition, shape, "Draw again for each batch."))


def check_floating(owner: str, argument: str, value: Tensor) -> None:
    """Refuse a tensor that cannot hold fractions.

    Args:
        owner: Public name of what the user called.
        argument: Name of the argument at fault.
        value: Tensor to look at; its dtype only.

    Raises:
        TypeError: ``value`` is not of a floating dtype.

    Example:
        >>> check_floating("mixing.apply_mixup", "inputs", torch.zeros(4))
    """
    if not value.is_floating_point():
        remedy = "Convert and normalize first, for example inputs.float() / 255."
        raise TypeError(message(owner, argument, "be floating point", value.dtype, remedy))


def on_device(array: Array, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """Copy an array of a draw to a device without waiting for that device.

    Args:
        array: Writable array on the CPU.
        device: Where to.
        dtype: Of the tensor; that of the array by default.

    Returns:
        A tensor of the same shape; on the CPU it shares the array's memory, unless the dtype differs.

    Example:
        >>> on_device(np.arange(3), torch.device("cpu"))
        tensor([0, 1, 2])
    """
    # A blocking copy ends in a stream synchronization, also from pageable memory.
    return torch.from_numpy(array).to(device, dtype, non_blocking=True)


def mix_pairs(values: Tensor, lam: Array, partner: Array) -> Tensor:
    """Mix rows: lam_i values_i + (1 - lam_i) values_partner(i). Checks nothing.

    Args:
        values: Floating tensor (B, ...); not modified.
        lam: float32 (B,), in [0, 1].
        partner: int64 (B,), in [0, B).

    Returns:
        A new tensor of the dtype, shape, device and memory format of ``values``.

    Example:
        >>> mix_pairs(torch.tensor([0.0, 4.0]), np.array([0.75, 0.75], dtype=np.float32), np.array([1, 0]))
        tensor([1., 3.])
    """
    weights = on_device(lam.reshape(-1, *(1 for _ in values.shape[1:])), values.device, values.dtype)
    # Indexing keeps the memory format, index_select does not.
    return values[on_device(partner, values.device)].lerp_(values, weights)
