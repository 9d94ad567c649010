"""Checks of single arguments, and the one wording of their messages.

``{owner}: {argument} must {condition}, got {value!r}. {remedy}``
"""

import math
import re
from collections.abc import Collection
from typing import Final

__all__ = [
    "finite_float",
    "fraction",
    "message",
    "non_negative_float",
    "non_negative_int",
    "one_of",
    "positive_float",
    "positive_int",
    "refuse_default_mode",
]

#: What is left of the name of a metric whose better side is beyond doubt, once these parts are taken away.
_ACCURACIES: Final = {"acc", "accuracy"}
_PARTS: Final = {"", "dev", "epoch", "eval", "test", "train", "training", "val", "valid", "validation"}


def message(owner: str, argument: str, condition: str, value: object, remedy: str = "") -> str:
    """Word one refusal.

    Args:
        owner: Public name of what the user called, such as ``"Mixup"``.
        argument: Name of the argument at fault.
        condition: What it must do or be, such as ``"be a positive integer"``.
        value: What was given; shown by ``repr``.
        remedy: A sentence that says what to do; may be empty.

    Returns:
        One line in the wording of this package.

    Example:
        >>> message("Mixup", "alpha", "be positive", -1.0, "The paper uses 0.1 to 0.4.")
        'Mixup: alpha must be positive, got -1.0. The paper uses 0.1 to 0.4.'
    """
    return f"{owner}: {argument} must {condition}, got {value!r}. {remedy}".rstrip()


def positive_int(owner: str, argument: str, value: object) -> int:
    """Return ``value`` if it is an integer above zero, else raise ``TypeError`` or ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(message(owner, argument, "be a positive integer", value))
    if value < 1:
        raise ValueError(message(owner, argument, "be a positive integer", value))
    return value


def non_negative_int(owner: str, argument: str, value: object) -> int:
    """Return ``value`` if it is an integer of at least zero, else raise ``TypeError`` or ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(message(owner, argument, "be an integer of at least 0", value))
    if value < 0:
        raise ValueError(message(owner, argument, "be an integer of at least 0", value))
    return value


def finite_float(owner: str, argument: str, value: object, remedy: str = "") -> float:
    """Return ``value`` if it is a finite number, else raise ``TypeError`` or ``ValueError``."""
    return _number(owner, argument, "be a finite number", value, remedy)


def positive_float(owner: str, argument: str, value: object, remedy: str = "") -> float:
    """Return ``value`` if it is a finite number above zero, else raise ``TypeError`` or ``ValueError``."""
    number = _number(owner, argument, "be a positive number", value, remedy)
    if number <= 0:
        raise ValueError(message(owner, argument, "be a positive number", value, remedy))
    return number


def non_negative_float(owner: str, argument: str, value: object, remedy: str = "") -> float:
    """Return ``value`` if it is a finite number of at least zero, else raise ``TypeError`` or ``ValueError``."""
    number = _number(owner, argument, "be a number of at least 0", value, remedy)
    if number < 0:
        raise ValueError(message(owner, argument, "be a number of at least 0", value, remedy))
    return number


def fraction(owner: str, argument: str, value: object, remedy: str = "") -> float:
    """Return ``value`` if it is a number in [0, 1], else raise ``TypeError`` or ``ValueError``."""
    number = _number(owner, argument, "be a number in [0, 1]", value, remedy)
    if not 0 <= number <= 1:
        raise ValueError(message(owner, argument, "be a number in [0, 1]", value, remedy))
    return number


def one_of(owner: str, argument: str, value: str, choices: Collection[str]) -> str:
    """Return ``value`` if it is among ``choices``, else raise ``ValueError`` that lists them."""
    if value not in choices:
        raise ValueError(message(owner, argument, f"be one of {', '.join(sorted(choices))}", value))
    return value


def refuse_default_mode(owner: str, monitor: str, mode: str, *, default: str) -> None:
    """Refuse a default, easily left at it, of ``"max"`` for what is plainly a loss or ``"min"`` for an accuracy."""
    words = set(re.split(r"[^a-z0-9]+", monitor.lower())) - _PARTS
    better = "min" if words == {"loss"} else "max" if len(words) == 1 and words <= _ACCURACIES else mode
    if mode == default != better:
        raise ValueError(message(owner, "mode", f"be {better!r} for {monitor!r}", mode, f"Pass mode={better!r}."))


def _number(owner: str, argument: str, condition: str, value: object, remedy: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(message(owner, argument, condition, value, remedy))
    if not math.isfinite(value):
        raise ValueError(message(owner, argument, condition, value, remedy))
    return value
