"""Where the cycles of a run end."""

from lightning_regkit._checks import message, non_negative_int, positive_int

__all__ = ["cycle_ends"]

OWNER = "ensemble.cycle_ends"


def cycle_ends(total_steps: int, num_cycles: int, warmup_steps: int = 0) -> tuple[int, ...]:
    """Return the steps done when cycle i = 1 ... M ends: w + i (T - w) / M, rounded to the nearest, halves up.

    Args:
        total_steps: T, optimizer steps of the run, warmup and all.
        num_cycles: M, in [1, T - w].
        warmup_steps: w, steps before the first cycle, in [0, T - 1].

    Returns:
        M increasing step counts; the last is T, and cycles differ in length by at most one step. A member is the
        weights after so many steps.

    Raises:
        TypeError: An argument is no integer.
        ValueError: An argument is out of range.

    Example:
        >>> cycle_ends(10, 3)
        (3, 7, 10)

    Reference:
        Huang et al., "Snapshot Ensembles: Train 1, Get M for Free", ICLR 2017, section 3.

    Differs from the paper:
        Its cycles have ceil(T / M) steps, so the last one is cut short unless M divides T.
    """
    positive_int(OWNER, "total_steps", total_steps)
    positive_int(OWNER, "num_cycles", num_cycles)
    left = total_steps - non_negative_int(OWNER, "warmup_steps", warmup_steps)
    if num_cycles > left:
        condition = f"be at most the {left} steps after the warmup"
        raise ValueError(message(OWNER, "num_cycles", condition, num_cycles))
    return tuple(warmup_steps + (2 * i * left + num_cycles) // (2 * num_cycles) for i in range(1, num_cycles + 1))
