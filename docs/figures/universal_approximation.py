"""Draw a sigmoid as a step, two as a bump, and a sum of bumps that follows a function.

Run from the root of the repository:
``python docs/figures/universal_approximation.py docs/_static/universal_approximation.png``.
"""

import sys
from itertools import pairwise
from typing import Final

import matplotlib as mpl
import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn

STEEPNESS: Final = (5.0, 20.0, 200.0)
COUNTS: Final = (5, 20, 80)
GRID: Final = 1601
EDGE: Final = 2
DPI: Final = 90


def target(inputs: Tensor) -> Tensor:
    """The function to follow, on [0, 1]."""
    return torch.sin(2 * torch.pi * inputs) + 0.5 * torch.sin(6 * torch.pi * inputs + 1) + inputs


def step_at(place: float, steepness: float) -> nn.Sequential:
    """Return one sigmoid unit that rises from 0 to 1 at a place: sigmoid(w (x - place))."""
    layer = nn.Linear(1, 1)
    with torch.no_grad():
        layer.weight.fill_(steepness)
        layer.bias.fill_(-steepness * place)
    return nn.Sequential(layer, nn.Sigmoid())


def bumps(count: int, steepness: float = 4000.0) -> nn.Sequential:
    """Return a network of 2 x count sigmoid units, set by hand: on each of count intervals, the mean of the target.

    A unit that rises at the left end of an interval counts with the height there, the one at the right end against it.
    """
    edges = torch.linspace(0, 1, count + 1)
    heights = torch.stack([target(torch.linspace(*pair, 50)).mean() for pair in pairwise(edges)])
    hidden, readout = nn.Linear(1, 2 * count), nn.Linear(2 * count, 1)
    with torch.no_grad():
        hidden.weight.fill_(steepness)
        hidden.bias.copy_(-steepness * torch.cat([edges[:-1], edges[1:]]))
        readout.weight.copy_(torch.cat([heights, -heights])[None])
        readout.bias.zero_()
    return nn.Sequential(hidden, nn.Sigmoid(), readout)


@torch.no_grad()
def main(file: str) -> None:
    """Draw the three panels, and print how far the sums are from the function."""
    mpl.use("Agg")
    inputs = torch.linspace(0, 1, GRID)[:, None]
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 3.6), layout="constrained")
    for steepness in STEEPNESS:
        panels[0].plot(inputs, step_at(0.5, steepness)(inputs), label=f"w = {steepness:g}")
        bump = step_at(0.4, steepness)(inputs) - step_at(0.6, steepness)(inputs)
        panels[1].plot(inputs, bump, label=f"w = {steepness:g}")
    panels[0].set(title="one sigmoid: a step", xlabel="x")
    panels[1].set(title="two sigmoids: a bump", xlabel="x")
    panels[2].plot(inputs, target(inputs), color="black", linewidth=2, label="the function")
    inside = slice(EDGE, -EDGE)  # at the ends half a step stands
    for count in COUNTS:
        found = bumps(count)(inputs)
        panels[2].plot(inputs, found, linewidth=1, label=f"{2 * count} units")
        print(f"{2 * count} units: largest error {float((found - target(inputs))[inside].abs().max()):.3f}")  # noqa: T201
    panels[2].set(title="a sum of bumps", xlabel="x")
    for panel in panels:
        panel.legend(frameon=False)
    figure.savefig(file, dpi=DPI)


if __name__ == "__main__":
    main(sys.argv[1])
