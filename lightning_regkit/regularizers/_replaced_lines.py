"""What was replaced by what, in words."""

from collections.abc import Iterable
from typing import Final

from lightning_regkit.regularizers._followed import kind_of, last_noise
from lightning_regkit.regularizers._replacement import Replacement

__all__ = ["replaced_lines", "shown_names", "shown_rates"]

SHOWN: Final = 4


def replaced_lines(replacement: Replacement) -> list[str]:
    """Say what was replaced, a line for each kind: how many, by what, and their names.

    Args:
        replacement: What was done.

    Returns:
        Lines, in order of the first of each kind.

    Example:
        >>> from torch import nn
        >>> from lightning_regkit.regularizers import followed_by, replace_layers
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> replaced_lines(replace_layers(net, {"0": followed_by(net[0], nn.Dropout()), "1": nn.RReLU()}))
        ['1 Linear followed by Dropout: 0', '1 ReLU replaced by RReLU: 1']
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for name, after in replacement.after.items():
        before, noise = replacement.before[name], last_noise(after)
        how = f"replaced by {kind_of(after)}" if noise is None else f"followed by {type(noise).__name__}"
        kinds.setdefault((kind_of(before), how), []).append(name)
    return [f"{len(names)} {kind} {how}: {shown_names(names)}" for (kind, how), names in kinds.items()]


def shown_names(names: list[str]) -> str:
    """Write names, the middle left out where there are many."""
    return ", ".join(names if len(names) <= SHOWN else [*names[: SHOWN - 1], "...", names[-1]])


def shown_rates(rates: Iterable[float]) -> str:
    """Write the rates of layers in their order, as the end of a sentence; empty where there are none."""
    shown = [f"{rate:.4g}" for rate in rates]
    if not shown:
        return ""
    return f", rate {shown[0]}" if len(set(shown)) == 1 else f", rates {shown[0]} to {shown[-1]}"
