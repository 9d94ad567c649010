"""Draw Newton's step beside gradient steps, what curvature costs, and L-BFGS on one batch and on small ones.

Run from the root of the repository: ``python docs/figures/second_order.py docs/_static/second_order.png``. The digits
are those that scikit-learn ships.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

import lightning_regkit as rk

CURVATURE: Final = torch.tensor([[1.0, 1.8], [1.8, 6.0]])
START: Final = (-3.0, 1.6)
SIZES: Final = (128, 256, 512, 1024, 2048)
EXAMPLES: Final = 1000
SMALL: Final = 50
EVALUATIONS: Final = 200
#: Curve -> name in the registry, its rate, images in a batch.
RUNS: Final = {
    "lbfgs, one batch of 1,000": ("lbfgs", 1.0, EXAMPLES),
    "lbfgs, batches of 50": ("lbfgs", 1.0, SMALL),
    "momentum, batches of 50": ("momentum", 0.05, SMALL),
}
DPI: Final = 90


def quadratic(weights: Tensor) -> Tensor:
    """A convex quadratic with its minimum at 0."""
    return 0.5 * weights @ CURVATURE @ weights


def newton_step(weights: Tensor) -> Tensor:
    """Return where Newton's step ends: weights - H^-1 gradient."""
    hessian = torch.autograd.functional.hessian(quadratic, weights)
    gradient = torch.autograd.functional.jacobian(quadratic, weights)
    return weights - torch.linalg.solve(hessian, gradient)


def draw_steps(axes: Axes) -> None:
    """Draw Newton's one step, BFGS and gradient descent on the quadratic."""
    columns, rows = torch.meshgrid(torch.linspace(-4, 4, 150), torch.linspace(-2.2, 2.2, 150), indexing="xy")
    points = torch.stack([columns, rows], -1)
    axes.contour(columns, rows, 0.5 * ((points @ CURVATURE) * points).sum(-1), levels=20, colors="0.85", linewidths=0.7)
    weights = torch.tensor(START)
    axes.plot(*np.array([START, newton_step(weights).tolist()]).T, "o-", label="Newton: one step")
    found = [np.array(START)]
    minimize(
        lambda at: float(quadratic(torch.tensor(at, dtype=torch.float32))),
        np.array(START),
        jac=lambda at: CURVATURE.double().numpy() @ at,
        method="BFGS",
        callback=lambda at: found.append(at.copy()),
    )
    axes.plot(*np.array(found).T, "s-", label=f"BFGS: {len(found) - 1} steps", markersize=4)
    parameter = nn.Parameter(weights.clone())
    optimizer = rk.optim.create([parameter], "sgd", lr=0.25)
    seen = [START]
    for _ in range(25):
        optimizer.zero_grad()
        quadratic(parameter).backward()
        optimizer.step()
        seen.append(tuple(parameter.detach().tolist()))
    axes.plot(*np.array(seen).T, ".-", label="sgd, lr 0.25: 25 steps", linewidth=1)
    axes.set(title="one quadratic, three ways down", xlabel="first weight", ylabel="second weight")
    axes.legend(frameon=False, loc="lower left")


def seconds(act: Callable[[], object]) -> float:
    """Return the shortest of three times."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return min(times)


def bfgs_update(inverse: Tensor, gradient: Tensor) -> Tensor:
    """Return a matrix corrected by one of rank two: the shape of BFGS's update."""
    product = inverse @ gradient
    return inverse + torch.outer(gradient, gradient) - torch.outer(product, product) / (gradient @ product)


def two_products(pairs: Tensor, gradient: Tensor) -> Tensor:
    """Return what L-BFGS makes of its pairs: a product with each, twice."""
    return pairs.T @ (pairs @ gradient)


def draw_costs(axes: Axes) -> None:
    """Draw what it takes to solve with a Hessian, to update its inverse (BFGS), and to recall 100 pairs (L-BFGS)."""
    generator = torch.Generator().manual_seed(0)
    rows: dict[str, list[float]] = {"Newton, solve: N³": [], "BFGS, update: N²": [], "L-BFGS, 100 pairs: N": []}
    for size in SIZES:
        factor, gradient, *pairs = torch.randn(size + 101, size, generator=generator).split([size, 1, 100])
        hessian, gradient = factor @ factor.T + size * torch.eye(size), gradient[0]
        solve, update, recall = rows.values()
        solve.append(seconds(partial(torch.linalg.solve, hessian, gradient)))
        update.append(seconds(partial(bfgs_update, hessian, gradient)))
        recall.append(seconds(partial(two_products, pairs[0], gradient)))
    for name, times in rows.items():
        axes.loglog(SIZES, [1000 * each for each in times], "o-", label=name)
    axes.set(title="the price of one step", xlabel="weights N", ylabel="ms")
    axes.set_xticks(SIZES, [str(size) for size in SIZES], minor=False)
    axes.minorticks_off()
    axes.legend(frameon=False)


def losses(name: str, lr: float, batch: int) -> list[tuple[float, float]]:
    """Return gradients taken, in whole data sets, and the loss over all images, of softmax regression."""
    data = load_digits()
    inputs = torch.from_numpy(data.data[:EXAMPLES]).float() / 16
    targets = torch.from_numpy(data.target[:EXAMPLES]).long()
    generator, layer = torch.Generator().manual_seed(0), nn.Linear(64, 10)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    optimizer = rk.optim.create(layer, name, lr=lr)
    taken, seen = 0.0, []
    while taken < EVALUATIONS:
        for rows in torch.randperm(EXAMPLES, generator=generator).split(batch):

            def closure(rows: Tensor = rows) -> Tensor:
                nonlocal taken
                taken += len(rows) / EXAMPLES
                optimizer.zero_grad()
                loss = functional.cross_entropy(layer(inputs[rows]), targets[rows])
                loss.backward()
                return loss

            optimizer.step(closure)
            if taken >= EVALUATIONS:
                break
        with torch.no_grad():
            seen.append((taken, float(functional.cross_entropy(layer(inputs), targets))))
    return seen


def draw_batches(axes: Axes) -> None:
    """Draw L-BFGS on the whole data and on small batches of it."""
    for label, run in RUNS.items():
        found = losses(*run)
        axes.semilogy(*np.array(found).T, label=label)
        print(f"{label}: loss {found[-1][1]:.4g} after {found[-1][0]:.0f} passes")  # noqa: T201
    axes.set(
        title="softmax regression on digits", xlabel="gradients, in passes over the data", ylabel="loss of all images"
    )
    axes.legend(frameon=False)


def main(file: str) -> None:
    """Draw the three panels."""
    mpl.use("Agg")
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 4), layout="constrained")
    draw_steps(panels[0])
    draw_costs(panels[1])
    draw_batches(panels[2])
    figure.savefig(file, dpi=DPI)


if __name__ == "__main__":
    main(sys.argv[1])
