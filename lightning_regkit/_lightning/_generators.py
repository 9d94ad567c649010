"""The state of the global random generators of this process, as plain data that ``weights_only=True`` loads."""

import random  # noqa: TID251  # the user's generator is saved, nothing is drawn
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["burn_seeds", "forked_torch", "generator_states", "restore_generators"]


def generator_states(device: torch.device) -> dict[str, Any]:
    """Read the states of Python's, NumPy's, torch's CPU generator and that of ``device``.

    Args:
        device: The process's own device.

    Returns:
        Tensors, numbers, strings and tuples only. Nothing is drawn.
    """
    name, keys, *rest = np.random.get_state()  # noqa: NPY002  # the user's own
    states = {
        "python": random.getstate(),
        "numpy": (str(name), torch.from_numpy(np.array(keys, dtype=np.int64)), *rest),
        "torch": torch.get_rng_state(),
    }
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state()
    return states


def restore_generators(states: dict[str, Any], device: torch.device) -> None:
    """Put back what ``generator_states`` read; a device of another kind keeps its generator as it is."""
    random.setstate(states["python"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, _on_cpu(keys).numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(_on_cpu(states["torch"]))
    if device.type in states:
        torch.get_device_module(device).set_rng_state(_on_cpu(states[device.type]))


@contextmanager
def forked_torch(device: torch.device) -> Iterator[Callable[[int], object]]:
    """Lend torch's CPU generator and that of ``device`` to noise that is keyed, and put both back as they were.

    Args:
        device: Where the noise is drawn.

    Yields:
        What seeds both with an integer in [0, 2^63), as often as it is called. The CPU's keeps 32 bits of it.
    """
    module = None if device.type == "cpu" else torch.get_device_module(device)
    before = torch.get_rng_state(), module and module.get_rng_state()

    def seed(value: int) -> None:
        torch.default_generator.manual_seed(value)
        if module is not None:
            module.manual_seed(value)

    try:
        yield seed
    finally:
        torch.set_rng_state(before[0])
        if module is not None:
            module.set_rng_state(before[1])


def burn_seeds(count: int) -> None:
    """Draw from torch's CPU generator what ``count`` iterators of a ``DataLoader`` draw when they are made."""
    for _ in range(count):
        torch.empty((), dtype=torch.int64).random_()


def _on_cpu(state: Tensor) -> Tensor:
    return state.cpu()  # a checkpoint may have been mapped to a device
