"""What the schedules are compared with: rates that torch's and timm's schedulers write, and closed forms of optax."""

import math
from collections.abc import Callable, Sequence

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


def optax_exponential_decay(step: int, transition_steps: int, decay_rate: float, *, staircase: bool = False) -> float:
    """The closed form that optax documents, from 1, without its options."""
    passed = step / transition_steps
    return float(decay_rate ** (math.floor(passed) if staircase else passed))


def optax_polynomial(step: int, transition_steps: int, power: float, end_value: float) -> float:
    """The closed form of optax's polynomial schedule, from 1."""
    left = 1 - min(max(step, 0), transition_steps) / transition_steps
    return float((1 - end_value) * left**power + end_value)


def optax_join(schedules: Sequence[Callable[[int], float]], boundaries: Sequence[int], step: int) -> float:
    """How optax joins: each boundary that is passed replaces what the schedules before it say."""
    output = schedules[0](step)
    for boundary, schedule in zip(boundaries, schedules[1:], strict=True):
        output = output if step < boundary else schedule(step - boundary)
    return output
