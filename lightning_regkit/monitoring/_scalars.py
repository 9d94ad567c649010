"""Numbers from a device, all at once."""

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["to_floats"]


def to_floats(values: Mapping[str, Tensor | float]) -> dict[str, float]:
    """Return all values as Python numbers, waiting for each device once.

    Args:
        values: Numbers, and tensors of one entry.

    Returns:
        The same names in the same order.

    Raises:
        RuntimeError: A tensor has more than one entry.

    Example:
        >>> to_floats({"loss": torch.tensor([0.5]), "lr": 0.1})
        {'loss': 0.5, 'lr': 0.1}
    """
    by_device: dict[torch.device, dict[str, Tensor]] = {}
    for name, value in values.items():
        if isinstance(value, Tensor):
            by_device.setdefault(value.device, {})[name] = value.detach().reshape(())
    numbers = {name: value for name, value in values.items() if not isinstance(value, Tensor)}
    for found in by_device.values():
        is_double = any(value.dtype == torch.float64 for value in found.values())
        dtype = torch.float64 if is_double else torch.float32
        stacked = torch.stack([value.to(dtype) for value in found.values()])
        numbers |= zip(found, stacked.tolist(), strict=True)
    return {name: numbers[name] for name in values}
