"""Positions that increase, and the runs that they cut a run into: one for each piece of a join."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from lightning_regkit._checks import message
from lightning_regkit._durations import Horizon

__all__ = ["check_increasing", "pieces"]


def check_increasing(owner: str, argument: str, values: Sequence[int | Fraction], written: Sequence[object]) -> None:
    """Refuse positions that do not increase.

    Args:
        owner: Public name of what the user called, for the message.
        argument: Name of its argument, for the message.
        values: The positions, in one unit.
        written: The same as the user wrote them.

    Raises:
        ValueError: Two that follow each other are equal, or the later one is smaller.

    Example:
        >>> check_increasing("Join", "boundaries", [30, 60], ["30ep", "60ep"])
    """
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise ValueError(message(owner, argument, "increase", list(written)))


def pieces(horizon: Horizon, boundaries: Sequence[int]) -> list[Horizon]:
    """Return what each piece knows of its own run.

    Args:
        horizon: What is known of the whole.
        boundaries: Steps at which the second, third, ... piece begins; increasing, inside the run.

    Returns:
        One horizon more than boundaries; the ends of epochs are those of the run, as far as each piece is concerned.

    Example:
        >>> pieces(Horizon(total_steps=30, epoch_ends=(10, 20, 30)), [15])
        [Horizon(total_steps=15, epoch_ends=(10, 20, 30)), Horizon(total_steps=15, epoch_ends=(5, 15))]
    """
    bounds = [0, *boundaries]
    totals = [end - start for start, end in pairwise(bounds)]
    last = None if horizon.total_steps is None else horizon.total_steps - bounds[-1]
    epochs = [_epochs_after(start, horizon.epoch_ends) for start in bounds]
    return [Horizon(total, ends) for total, ends in zip([*totals, last], epochs, strict=True)]


def _epochs_after(start: int, epoch_ends: tuple[int, ...]) -> tuple[int, ...]:
    if not epoch_ends or start == 0:
        return epoch_ends
    last, length = epoch_ends[-1], epoch_ends[-1] - (0, *epoch_ends)[-2]
    # Past the last known epoch all are as long as that one, so one whole epoch after ``start`` has to be among them.
    missing = max(0, (start - last) // length + 2)
    ends = (*epoch_ends, *(last + length * k for k in range(1, missing + 1)))
    return tuple(end - start for end in ends if end > start)
