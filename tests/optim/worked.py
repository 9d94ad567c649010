"""What optimizers do to one weight of 1, for steps worked by hand."""

from typing import Any

import torch
from torch import nn

from lightning_regkit import optim


def after_steps(name: str, gradient: float, steps: int = 2, **options: Any) -> list[float]:
    """Return the weight after each step with the same gradient."""
    module = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.weight.fill_(1.0)
    optimizer = optim.create(module, name, **options)
    seen = []
    for _ in range(steps):
        module.weight.grad = torch.full((1, 1), gradient, dtype=torch.float64)
        optimizer.step()
        seen.append(module.weight.item())
    return seen
