"""Lengths in the user's units, positions in a list, and the part of a schedule's clock that a run uses."""

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from lightning_regkit._checks import fraction, message, non_negative_int
from lightning_regkit._durations import Horizon, parse, steps
from lightning_regkit.schedules._spec import Schedule

__all__ = ["check_length", "clocked", "end_of", "enumerated", "length_steps", "listed", "positive_fraction", "shown"]

_SHOWN = 5

T = TypeVar("T")


def check_length(owner: str, argument: str, length: str | int) -> None:
    """Refuse what is no duration, or one of no length.

    Args:
        owner: Name of the spec, for the message.
        argument: Name of its argument, for the message.
        length: What was given.

    Raises:
        TypeError: ``length`` is neither a string nor an integer.
        ValueError: ``length`` is no duration, or zero.

    Example:
        >>> check_length("StepDecay", "step_size", "30ep")
    """
    if parse(length, owner=owner, argument=argument).value == 0:
        raise ValueError(message(owner, argument, "be longer than nothing", length))


def length_steps(owner: str, argument: str, length: str | int, horizon: Horizon) -> int:
    """Turn a length into steps, at least one.

    Args:
        owner: Name of the spec, for the message.
        argument: Name of its argument, for the message.
        length: As written; counted from the start of the run where epochs differ in length.
        horizon: What is known of the run.

    Returns:
        Steps, >= 1.

    Raises:
        ValueError: Rounded to steps, nothing is left.
        UnknownTotalError: The unit has no known length.

    Example:
        >>> length_steps("StepDecay", "step_size", "0.25run", Horizon(total_steps=8))
        2
    """
    count = steps(length, horizon, owner=owner, argument=argument)
    if count == 0:
        raise ValueError(message(owner, argument, "last at least a step", length, "It takes 0 steps."))
    return count


def listed(owner: str, argument: str, values: Sequence[T]) -> tuple[T, ...]:
    """Return a list as a tuple, so that the spec that holds it is a value.

    Args:
        owner: Public name of what the user called, for the message.
        argument: Name of its argument, for the message.
        values: What was given.

    Returns:
        The same values.

    Raises:
        TypeError: ``values`` is no list or tuple.

    Example:
        >>> listed("Join", "boundaries", ["30ep"])
        ('30ep',)
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(message(owner, argument, "be a list", values))
    return tuple(values)


def positive_fraction(owner: str, argument: str, value: object) -> float:
    """Return ``value`` if it is a number in (0, 1], else raise ``TypeError`` or ``ValueError``."""
    number = fraction(owner, argument, value)
    if number == 0:
        raise ValueError(message(owner, argument, "be above 0", value))
    return number


def clocked(owner: str, schedule: Schedule, *, first: int, last: int | None) -> Schedule:
    """Build the schedule factor(t) = schedule(min(first + t, last)).

    Args:
        owner: Public name of what the user called, for the message.
        schedule: On a clock of its own.
        first: Its step at t = 0, >= 0.
        last: Its step that holds from then on; None for none.

    Returns:
        A picklable function, if ``schedule`` is one, of the step t >= 0, which it checks before it moves it.

    Example:
        >>> schedule = clocked("schedules.linear", float, first=1, last=3)
        >>> [schedule(step) for step in range(4)]
        [1.0, 2.0, 3.0, 3.0]
    """
    return partial(_clocked, owner=owner, schedule=schedule, first=first, last=last)


def shown(step: int, written: str | int) -> str:
    """Return a step, and in brackets how the user wrote it: ``"30 (3ep)"``."""
    return f"{step} ({written})" if isinstance(written, str) else str(step)


def enumerated(texts: Sequence[str]) -> str:
    """Return texts with commas between; of more than five, the first three and the last."""
    return ", ".join([*texts[: _SHOWN - 2], "...", texts[-1]] if len(texts) > _SHOWN else texts)


def end_of(schedule: Schedule, horizon: Horizon, warmup_steps: int) -> str:
    """Return what a description says of the end of a schedule that could go on: its factor there, and where."""
    total = horizon.total_steps
    if total is None:
        return "without an end"
    return f"to x{schedule(total - warmup_steps):.3g} at step {total}, the end of the run"


def _clocked(step: int, *, owner: str, schedule: Schedule, first: int, last: int | None) -> float:
    at = first + non_negative_int(owner, "step", step)
    return schedule(at if last is None else min(at, last))
