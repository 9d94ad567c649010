"""Durations with a unit, ``"5ep"``, ``"500step"``, ``"0.1run"``, turned into optimizer steps."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from lightning_regkit._checks import message
from lightning_regkit.errors import UnknownTotalError

__all__ = ["Duration", "Horizon", "parse", "steps"]

_CONDITION = "be a duration such as '5ep', '500step' or '0.1run'"
_TEXT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ep|step|run)")


@final
@dataclass(frozen=True)
class Horizon:
    """What is known of a run's length, in optimizer steps.

    Args:
        total_steps: T, steps of the whole run; None when nothing bounds it.
        epoch_ends: Steps done when epoch 0, 1, ... ends, epochs taken whole even where ``total_steps`` cuts the last
            one short; () when the number of batches is unknown.

    Returns:
        An immutable, hashable value.

    Example:
        >>> Horizon(total_steps=30, epoch_ends=(10, 20, 30)).total_steps
        30
    """

    total_steps: int | None
    epoch_ends: tuple[int, ...] = ()


@final
@dataclass(frozen=True)
class Duration:
    """A duration as written: an exact number and its unit.

    Args:
        value: Exact value of the decimal text, >= 0.
        unit: ``"ep"`` (epochs), ``"step"`` (optimizer steps) or ``"run"`` (share of the run, value <= 1).

    Returns:
        An immutable, hashable value.

    Example:
        >>> Duration(Fraction(1, 10), "run") == parse("0.1run", owner="ScheduleLR", argument="warmup")
        True
    """

    value: Fraction
    unit: str


def parse(text: str | int, *, owner: str, argument: str) -> Duration:
    """Read a duration.

    Args:
        text: A decimal number and ``ep``, ``step`` or ``run`` with nothing between; an integer counts steps.
        owner: Public name of what the user called, for the message.
        argument: Name of the argument, for the message.

    Returns:
        The exact value, no rounding, and its unit.

    Raises:
        TypeError: ``text`` is neither a string nor an integer.
        ValueError: ``text`` is no duration, is a fraction of a step, or exceeds the run.

    Example:
        >>> parse("0.5ep", owner="ScheduleLR", argument="warmup")
        Duration(value=Fraction(1, 2), unit='ep')
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise TypeError(message(owner, argument, _CONDITION, text))
    match = _TEXT.fullmatch(text if isinstance(text, str) else f"{text}step")
    if match is None:
        raise ValueError(message(owner, argument, _CONDITION, text))
    value, unit = Fraction(match[1]), match[2]
    if unit == "step" and value.denominator != 1:
        raise ValueError(message(owner, argument, "be a whole number of steps", text))
    if unit == "run" and value > 1:
        raise ValueError(message(owner, argument, "be a share of the run in [0, 1]", text))
    return Duration(value, unit)


def steps(position: str | int, horizon: Horizon, *, owner: str, argument: str) -> int:
    """Turn a duration, or a position counted from the start of the run, into optimizer steps.

    Epochs are interpolated inside an epoch, and past the last known one they are as long as that one. The arithmetic
    is exact (``"0.29run"`` of 100 steps is 29); the result is rounded to the nearest step, halves up.

    Args:
        position: As for ``parse``.
        horizon: What is known of the run.
        owner: Public name of what the user called, for the message.
        argument: Name of the argument, for the message.

    Returns:
        Steps, >= 0; never fewer for a longer duration of the same unit.

    Raises:
        TypeError: ``position`` is neither a string nor an integer.
        ValueError: ``position`` is no duration.
        UnknownTotalError: The unit is ``ep`` and epochs have no known length, or ``run`` and the run has none.

    Example:
        >>> horizon = Horizon(total_steps=30, epoch_ends=(10, 20, 30))
        >>> [steps(text, horizon, owner="ScheduleLR", argument="warmup") for text in ("1.5ep", "7step", "0.1run")]
        [15, 7, 3]
    """
    duration = parse(position, owner=owner, argument=argument)
    exact = duration.value
    if duration.unit == "run":
        if horizon.total_steps is None:
            raise UnknownTotalError(_unknown(owner, argument, "run", position))
        exact *= horizon.total_steps
    elif duration.unit == "ep":
        if not horizon.epoch_ends:
            raise UnknownTotalError(_unknown(owner, argument, "epoch", position))
        exact = _epochs(exact, (0, *horizon.epoch_ends))
    return math.floor(exact + Fraction(1, 2))


def _epochs(value: Fraction, starts: tuple[int, ...]) -> Fraction:
    epoch = min(math.floor(value), len(starts) - 2)
    return starts[epoch] + (value - epoch) * (starts[epoch + 1] - starts[epoch])


def _unknown(owner: str, argument: str, what: str, position: str | int) -> str:
    epoch = "where the data has no length, the Trainer's limit_train_batches= gives one."
    run = "or pass max_steps=, or max_epochs= with limit_train_batches=, to the Trainer."
    remedy = f"Write it such as '500step'; {epoch}" if what == "epoch" else f"Write it such as '500step', {run}"
    condition = f"be in steps where the length of the {what} is unknown"
    return message(owner, argument, condition, position, remedy)
