"""A linear rise in front of any schedule."""

from functools import partial

from lightning_regkit._checks import fraction, message, non_negative_float, non_negative_int
from lightning_regkit.schedules._spec import Schedule

__all__ = ["with_warmup"]


def with_warmup(
    schedule: Schedule, *, warmup_steps: int, start_factor: float | None = None, peak: float = 1.0
) -> Schedule:
    """Build the schedule factor(t) = p (s + (1 - s) t / w) for t < w, and schedule(t - w) from w on.

    Args:
        schedule: What follows, on its own clock: its step 0 is step w.
        warmup_steps: w, >= 0; 0 returns ``schedule`` itself.
        start_factor: s, share of the peak at step 0, in [0, 1]; None means 1 / w, so that no step is wasted.
        peak: p, what the rise leads to, >= 0: the factor at which ``schedule`` starts.

    Returns:
        A picklable function (if ``schedule`` is) of the step t >= 0: exactly p s at 0, rising below p to step w, where
        ``schedule`` starts.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or, when called, the step is negative.

    Example:
        >>> from lightning_regkit.schedules import linear
        >>> schedule = with_warmup(linear(total_steps=2), warmup_steps=4)
        >>> [schedule(step) for step in range(8)]
        [0.25, 0.4375, 0.625, 0.8125, 1.0, 0.5, 0.0, 0.0]

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2 (gradual warmup, at every iteration).

    Differs from the paper:
        They start from the rate of one worker, ``start_factor=1 / k`` for k workers.
    """
    owner = "schedules.with_warmup"
    if not callable(schedule):
        remedy = "A spec becomes one by compose(spec, horizon)."
        raise TypeError(message(owner, "schedule", "be a function of the step", schedule, remedy))
    non_negative_int(owner, "warmup_steps", warmup_steps)
    if start_factor is not None:
        fraction(owner, "start_factor", start_factor)
    non_negative_float(owner, "peak", peak)
    if warmup_steps == 0:
        return schedule
    start = 1 / warmup_steps if start_factor is None else start_factor
    return partial(_factor, schedule=schedule, warmup_steps=warmup_steps, start_factor=start, peak=peak)


def _factor(step: int, *, schedule: Schedule, warmup_steps: int, start_factor: float, peak: float) -> float:
    if non_negative_int("schedules.with_warmup", "step", step) >= warmup_steps:
        return schedule(step - warmup_steps)
    return peak * (start_factor + (1 - start_factor) * (step / warmup_steps))
