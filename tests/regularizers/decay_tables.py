"""The tables of docs/cards/weight_penalty.md: ``python -m tests.regularizers.decay_tables`` prints them."""

from typing import Any

import torch
from sklearn.linear_model import Lasso
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from lightning_regkit.regularizers import Penalizer
from tests.regularizers.test_proximal import regression

NOISE = torch.tensor([1.0, 0.1])  # size of the gradients of two weights, which alternate in sign
LR, DECAY = 0.01, 0.1
ALPHA = 0.3


def step(optimizer: Optimizer, penalizer: Penalizer | None, *, proximal: bool) -> None:
    """Make one step of an optimizer whose gradients are there, with a penalty."""
    if penalizer is None:
        optimizer.step()
    elif proximal:
        penalizer.before_step(optimizer)
        optimizer.step()
        penalizer.after_step(optimizer)
    else:
        penalizer.add_gradients(optimizer)
        optimizer.step()


def remaining(kind: Any, *, proximal: bool | None, **options: Any) -> Tensor:
    """Return what 1000 steps leave of two weights of 1 that feel nothing but noise and decay."""
    weight = nn.Parameter(torch.ones(2))
    optimizer: Optimizer = kind([weight], lr=LR, **options)
    penalizer = None if proximal is None else Penalizer([weight], l2=DECAY)
    for index in range(1000):
        weight.grad = NOISE * (-1) ** index
        step(optimizer, penalizer, proximal=bool(proximal))
    return weight.detach()


def solution(kind: Any, *, proximal: bool, **options: Any) -> tuple[int, float]:
    """Return exact zeros of a least-squares problem with l1, and the largest distance from the Lasso's solution."""
    inputs, targets = regression()
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    lasso = torch.from_numpy(Lasso(alpha=ALPHA, fit_intercept=False, tol=1e-12).fit(inputs, targets).coef_)
    weight = nn.Parameter(torch.ones(x.shape[1], dtype=torch.float64))
    optimizer: Optimizer = kind([weight], lr=LR, **options)
    penalizer = Penalizer([weight], l1=ALPHA)
    for _ in range(3000):
        optimizer.zero_grad()
        ((x @ weight - y).square().mean() / 2).backward()
        step(optimizer, penalizer, proximal=proximal)
    return int((weight == 0).sum()), (weight - lasso).abs().max().item()


DECAYS = {
    "`SGD(weight_decay=0.1)`": (SGD, None, {"weight_decay": DECAY}),
    "`SGD` + `WeightPenalty(l2=0.1)`": (SGD, False, {}),
    "`SGD` + `WeightPenalty(l2=0.1, proximal=True)`": (SGD, True, {}),
    "`Adam(weight_decay=0.1)`": (Adam, None, {"weight_decay": DECAY}),
    "`Adam` + `WeightPenalty(l2=0.1)`": (Adam, False, {}),
    "`Adam` + `WeightPenalty(l2=0.1, proximal=True)`": (Adam, True, {}),
    "`AdamW(weight_decay=0.1)`": (AdamW, None, {"weight_decay": DECAY}),
}

LASSOS = {
    "`SGD`, through the gradient": (SGD, False, {}),
    "`SGD`, `proximal=True`": (SGD, True, {}),
    "`SGD(momentum=0.9)`, `proximal=True`": (SGD, True, {"momentum": 0.9}),
    "`Adam`, through the gradient": (Adam, False, {}),
    "`Adam`, `proximal=True`": (Adam, True, {}),
}


def rows() -> list[str]:
    """Return the rows of both tables, in Markdown."""
    found = []
    for name, (kind, proximal, options) in DECAYS.items():
        large, small = remaining(kind, proximal=proximal, **options).tolist()
        found.append(f"| {name} | {large:.2f} | {small:.2f} |")
    for name, (kind, is_proximal, options) in LASSOS.items():
        zeros, distance = solution(kind, proximal=is_proximal, **options)
        found.append(f"| {name} | {zeros} | {distance:.1g} |" if distance > 1e-6 else f"| {name} | {zeros} | < 1e-6 |")
    return found


if __name__ == "__main__":
    print("\n".join(rows()))
