"""What the schedules are compared with: rates that torch's and timm's schedulers write, step by step."""

from collections.abc import Callable

import torch
from timm.scheduler.scheduler import Scheduler
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler


def optimizer() -> Optimizer:
    return SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


def torch_factors(make: Callable[[Optimizer], LRScheduler], count: int) -> list[float]:
    """Factors of steps 0, 1, ..., count - 1 under a torch scheduler stepped after each."""
    stepped = optimizer()
    scheduler = make(stepped)
    factors = []
    for _ in range(count):
        factors.append(float(stepped.param_groups[0]["lr"]))
        stepped.step()
        scheduler.step()
    return factors


def timm_factors(make: Callable[[Optimizer], Scheduler], count: int) -> list[float]:
    """Factors of steps 0, 1, ..., count - 1 under a timm scheduler that is told each."""
    stepped = optimizer()
    scheduler = make(stepped)
    factors = []
    for step in range(count):
        scheduler.step_update(step)
        factors.append(float(stepped.param_groups[0]["lr"]))
    return factors
