"""Draw the paths that optimizers of the registry take over three losses of two weights.

Run from the root of the repository: ``python docs/figures/optimizer_paths.py docs/_static/optimizer_paths.png``.
"""

import sys
from collections.abc import Callable
from typing import Final

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

import lightning_regkit as rk

#: Name in the registry -> its rate on all three losses.
RATES: Final = {"sgd": 0.018, "momentum": 0.018, "nesterov": 0.018, "rmsprop": 0.05, "adam": 0.15, "lbfgs": 1.0}
STEPS: Final = 60
NOISE: Final = 2.0
SEED: Final = 0
DPI: Final = 90

Loss = Callable[[Tensor], Tensor]


def valley(weights: Tensor) -> Tensor:
    """A quadratic that is 50 times as steep along one weight as along the other."""
    return 0.5 * (weights[0] ** 2 + 50 * weights[1] ** 2)


def saddle(weights: Tensor) -> Tensor:
    """Down along one weight, up along the other, and flat where the path begins; bounded from below."""
    return 0.5 * weights[1] ** 2 - 0.5 * weights[0] ** 2 + 0.05 * weights[0] ** 4


def path(name: str, loss: Loss, start: tuple[float, float], *, noise: float = 0.0) -> np.ndarray:
    """Return the weights before each step and after the last one, (STEPS + 1, 2)."""
    weights = nn.Parameter(torch.tensor(start))
    optimizer = rk.optim.create([weights], name, lr=RATES[name])
    generator = torch.Generator().manual_seed(SEED)
    seen = [weights.detach().clone()]
    for _ in range(STEPS):
        slope = noise * torch.randn(2, generator=generator)  # that of a small batch, about the whole one's

        def closure(slope: Tensor = slope) -> Tensor:
            optimizer.zero_grad()
            found = loss(weights) + slope @ weights
            found.backward()
            return found

        optimizer.step(closure)
        seen.append(weights.detach().clone())
    return torch.stack(seen).numpy()


def draw(axes: Axes, title: str, loss: Loss, start: tuple[float, float], *, noise: float = 0.0) -> None:
    """Draw contours of a loss, and the paths over them."""
    columns, rows = np.meshgrid(np.linspace(-4.5, 4.5, 200), np.linspace(-1.6, 1.6, 200))
    heights = loss(torch.tensor(np.stack([columns, rows]))).numpy()
    axes.contour(columns, rows, heights, levels=24, colors="0.85", linewidths=0.7, zorder=0)
    for name in RATES:
        seen = path(name, loss, start, noise=noise).clip(-9, 9)
        axes.plot(*seen.T, marker=".", markersize=3, linewidth=1.1, label=f"{name}, lr {RATES[name]:g}")
    axes.plot(*start, marker="o", color="black", markersize=5)
    axes.set(title=title, xlim=(-4.5, 4.5), ylim=(-1.6, 1.6), xlabel="first weight")


def main(file: str) -> None:
    """Draw the three losses side by side."""
    mpl.use("Agg")
    figure, panels = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
    draw(panels[0], "a valley, 50 times as steep across", valley, (-4.0, 1.2))
    draw(panels[1], "a saddle, begun beside its ridge", saddle, (0.02, 1.4))
    draw(panels[2], "the valley, with noisy gradients", valley, (-4.0, 1.2), noise=NOISE)
    panels[0].set_ylabel("second weight")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(RATES), frameon=False)
    figure.savefig(file, dpi=DPI)
    for title, loss, start, noise in (
        ("valley", valley, (-4.0, 1.2), 0.0),
        ("saddle", saddle, (0.02, 1.4), 0.0),
        ("noisy valley", valley, (-4.0, 1.2), NOISE),
    ):
        ends = {name: float(loss(torch.tensor(path(name, loss, start, noise=noise)[-1]))) for name in RATES}
        print(title, "after", STEPS, "steps:", ", ".join(f"{name} {end:.3g}" for name, end in ends.items()))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
