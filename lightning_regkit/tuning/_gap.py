"""The gap between training and validation."""

from typing import Final

from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._verdict import Verdict

__all__ = ["gap_of"]

#: Differences of accuracies; and the accuracy from which on no gap is a good thing.
WIDE_ACC: Final = 0.1
NARROW_ACC: Final = 0.02
DONE_ACC: Final = 0.95
#: Differences of losses, as shares of the fall.
WIDE_LOSS: Final = 0.3
NARROW_LOSS: Final = 0.02

OVERFITS: Final = "Add noise, weight decay or data, or stop earlier."
UNDERFITS: Final = "Enlarge the network, or take away regularization."


def gap_of(smoothed: Curves, fall: float, *, high: float) -> Verdict | None:
    """Judge how far apart training and validation end: by accuracies, or where these are missing by losses.

    Args:
        smoothed: The curves, without their noise.
        fall: Of the training loss.
        high: Share of the first training loss above which one is high.

    Returns:
        What is wrong, if anything is.
    """
    if smoothed.train_acc and smoothed.val_acc:
        train, val = smoothed.train_acc[-1], smoothed.val_acc[-1]
        gap = train - val
        is_wide, is_narrow = gap > WIDE_ACC, gap < NARROW_ACC and train < DONE_ACC
    elif smoothed.val_loss:
        train, val = smoothed.train_loss[-1], smoothed.val_loss[-1]
        is_high = train > high * abs(smoothed.train_loss[0])
        gap = val - train
        is_wide, is_narrow = gap > WIDE_LOSS * fall, gap < NARROW_LOSS * fall and is_high
    else:
        return None
    if is_wide:
        return Verdict("wide gap", f"Wide gap of {gap:.3g} between training ({train:.3g}) and validation. {OVERFITS}")
    if is_narrow:
        return Verdict("no gap", f"No gap between training ({train:.3g}) and validation ({val:.3g}). {UNDERFITS}")
    return None
