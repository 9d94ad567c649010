"""What the curves of a run say, as a function of the numbers."""

import math
from collections.abc import Callable, Iterator
from typing import Final

from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._diagnosis import Diagnosis
from lightning_regkit.tuning._gap import gap_of
from lightning_regkit.tuning._smooth import smooth
from lightning_regkit.tuning._trend import noise, trend
from lightning_regkit.tuning._verdict import Verdict

__all__ = ["diagnose"]

SHORTEST: Final = 8
#: Share of the range of a curve that its last quarter must still gain to be rising.
RISES: Final = 0.04
#: Share of the fall below which the second half of the training loss is flat.
FLAT: Final = 0.03
#: Share of the first loss above which the last one is high.
HIGH: Final = 0.25
#: Noise as a share of the fall.
NOISY: Final = 0.15
#: Share of the fall that the first fifth of a run must bring.
STARTS: Final = 0.1
#: Share of the first loss that must be gone for there to be a fall.
FALLS: Final = 0.1


def diagnose(curves: Curves, *, reach: int | None = None) -> Diagnosis:
    """Say what the curves of a run show, and what to try.

    ============= ===========================================================================================
    cause         shows when (curves smoothed over ``reach`` neighbors; shares are of the fall of the loss)
    ============= ===========================================================================================
    not finite    a value is NaN or infinite; nothing else is said
    too short     there are fewer than 8 values; nothing else is said
    does not fall less than 10 % of the first loss goes
    slow start    less than 10 % of the fall comes in the first fifth of the run
    still rising  validation gains, beyond 3 times its error, 4 % of its range in the last quarter
    plateau       the second half brings less than 3 %, the loss is over a quarter of the first, and not rising
    noisy         the deviation around the curve is over 15 %
    wide gap      accuracies are 0.1 apart, or without them losses by 30 %
    no gap        accuracies are 0.02 apart and below 0.95, or losses by 2 % while high
    ============= ===========================================================================================

    Args:
        curves: Of one run.
        reach: Neighbors on each side over which curves are averaged; None for a twentieth of their length, at least 1.

    Returns:
        The findings, in the order of the table.

    Raises:
        TypeError: ``reach`` is no integer.
        ValueError: It is below 0.

    Example:
        >>> losses = tuple(2.3 * 0.8**epoch for epoch in range(30))
        >>> diagnose(Curves(train_loss=losses, val_loss=tuple(1.0 + 0.5 * loss for loss in losses))).causes
        ('wide gap',)

    Reference:
        Karpathy, CS231n notes, "Babysitting the learning process" (cs231n.github.io/neural-networks-3); the thresholds
        are ours.
    """
    for name, values in vars(curves).items():
        wild = next((index for index, value in enumerate(values) if not math.isfinite(value)), None)
        if wild is not None:
            text = f"{name} is {values[wild]} at check {wild}: lower the rate, or clip gradients."
            return Diagnosis((Verdict("not finite", text),))
    count = len(curves.train_loss)
    reach = curves.reach if reach is None else reach
    if count < SHORTEST:
        return Diagnosis((Verdict("too short", f"{count} checks are too few to judge: at least {SHORTEST}."),))
    smoothed = _smoothed(curves, reach)
    first, fall = smoothed.train_loss[0], smoothed.train_loss[0] - min(smoothed.train_loss)
    if fall < FALLS * abs(first):
        text = f"The training loss hardly falls from {first:.4g}: see steps 1 to 3."
        return Diagnosis((Verdict("does not fall", text),))
    found = (finding for rule in RULES for finding in rule(curves, smoothed, fall))
    return Diagnosis(tuple(found))


def _smoothed(curves: Curves, reach: int) -> Curves:
    """Smooth every curve, and end it where the average still has all of its neighbors."""
    last = len(curves.train_loss) - min(reach, (len(curves.train_loss) - 1) // 2)
    return Curves(**{name: smooth(values, reach)[:last] for name, values in vars(curves).items()})


def _slow_start(_curves: Curves, smoothed: Curves, fall: float) -> Iterator[Verdict]:
    losses = smoothed.train_loss
    covered = (losses[0] - min(losses[: len(losses) // 5 + 1])) / fall
    if covered < STARTS:
        text = f"Slow start: {covered:.0%} of the fall in the first fifth. Raise the rate, or mend the initial weights."
        yield Verdict("slow start", text)


def _level(curves: Curves, smoothed: Curves, fall: float) -> Iterator[Verdict]:
    losses = smoothed.train_loss
    if _is_rising(curves):
        yield Verdict("still rising", "Validation is still getting better at the end: train longer.")
    elif losses[len(losses) // 2] - losses[-1] < FLAT * fall and losses[-1] > HIGH * abs(losses[0]):
        text = f"Plateau: the training loss stays at {losses[-1]:.4g}. Lower the rate, or enlarge the network."
        yield Verdict("plateau", text)


def _is_rising(curves: Curves) -> bool:
    better = curves.val_acc or tuple(-loss for loss in curves.val_loss or curves.train_loss)
    last = trend(better[-max(3, len(better) // 4) :])
    reach = max(smooth(better, 1)) - min(smooth(better, 1))
    return last.change > max(RISES * reach, 3 * last.error)


def _noisy(curves: Curves, _smoothed: Curves, fall: float) -> Iterator[Verdict]:
    deviation = noise(curves.train_loss[len(curves.train_loss) // 2 :])
    if deviation > NOISY * fall:
        text = f"Noisy: the training loss jumps by {deviation:.2g}. Lower the rate, or take larger batches."
        yield Verdict("noisy", text)


def _gap(_curves: Curves, smoothed: Curves, fall: float) -> Iterator[Verdict]:
    finding = gap_of(smoothed, fall, high=HIGH)
    if finding is not None:
        yield finding


RULES: Final[tuple[Callable[[Curves, Curves, float], Iterator[Verdict]], ...]] = (_slow_start, _level, _noisy, _gap)
