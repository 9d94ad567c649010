"""The time at which a device has done what it was told."""

import time

import torch

__all__ = ["device_seconds"]


def device_seconds(device: torch.device) -> float:
    """Wait for a device, and return the time.

    Args:
        device: Where the work was sent; a CPU has done it already.

    Returns:
        Seconds since some fixed moment, of which differences are taken.
    """
    if device.type != "cpu" and torch.accelerator.is_available():  # else torch 2.6 has no answer to the next question
        accelerator = torch.accelerator.current_accelerator()
        if accelerator is not None and accelerator.type == device.type:
            torch.accelerator.synchronize(device)
    return time.perf_counter()
