"""Writing into memory of the CPU: what may be written, as which bits, and in which order."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

__all__ = ["bits", "is_plain", "overwrite_order"]

INTEGERS: Final = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def is_plain(inputs: Tensor) -> bool:
    """Tell whether a tensor is plain memory of the CPU: there one example after the other is faster than masks.

    Args:
        inputs: Any tensor.

    Returns:
        True on the CPU, unless autograd watches.

    Example:
        >>> is_plain(torch.zeros(2)), is_plain(torch.zeros(2, requires_grad=True))
        (True, False)
    """
    return inputs.device.type == "cpu" and not (inputs.requires_grad and torch.is_grad_enabled())


def bits(tensor: Tensor) -> np.ndarray[Any, Any]:
    """View a tensor as an array of integers of its item size.

    Copies of small boxes cost numpy a tenth of torch's time a call, and start no threads; numpy has no bfloat16.

    Args:
        tensor: On the CPU, of any floating dtype.

    Returns:
        An array on the same memory, of the same shape and strides.

    Example:
        >>> bits(torch.tensor([0.0, 1.0], dtype=torch.bfloat16))
        array([    0, 16256], dtype=int16)
    """
    array: np.ndarray[Any, Any] = tensor.detach().view(INTEGERS[tensor.element_size()]).numpy()
    return array


def overwrite_order(partner: Sequence[int]) -> tuple[list[int], list[int]]:
    """Order examples so that each is overwritten after those that read it, as far as cycles allow.

    Args:
        partner: Index each example reads, B of them, in [0, B); a permutation or not.

    Returns:
        All examples in that order, and those whose partner comes before them: one in each cycle of two or more. Save
        what these read before the first is overwritten.

    Example:
        >>> overwrite_order([1, 2, 0, 3])
        ([3, 0, 1, 2], [2])
    """
    chains: list[list[int]] = []
    seen: set[int] = set()
    for start in range(len(partner)):
        chain, reader = [], start
        while reader not in seen:
            seen.add(reader)
            chain.append(reader)
            reader = partner[reader]
        chains.append(chain)
    # A later chain ends where it reads an earlier one, so it goes first.
    order = [reader for chain in reversed(chains) for reader in chain]
    position = {reader: index for index, reader in enumerate(order)}
    return order, [reader for reader in order if position[partner[reader]] < position[reader]]
