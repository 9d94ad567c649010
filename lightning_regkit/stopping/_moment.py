"""When in a run a value was observed, in the three units that patience is counted in."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, final

from typing_extensions import override

from lightning_regkit._checks import message, non_negative_int
from lightning_regkit._durations import parse

__all__ = ["START", "Moment", "Wait", "wait"]

_CONDITION: Final = "be epochs such as '10ep', steps such as '500step', or an integer, which counts checks"
_NAMES: Final = {"ep": "epoch", "step": "step", "check": "check"}


@final
@dataclass(frozen=True)
class Wait:
    """How long to wait: an exact number and its unit.

    Args:
        value: Number of units, >= 0.
        unit: ``"ep"`` (epochs), ``"step"`` (optimizer steps) or ``"check"`` (values observed).

    Returns:
        An immutable, hashable value; as text, a number and a word such as ``10 epochs``.

    Example:
        >>> str(Wait(Fraction(1), "ep")), str(Wait(Fraction(5, 2), "ep")), str(Wait(Fraction(30), "step"))
        ('1 epoch', '2.5 epochs', '30 steps')
    """

    value: Fraction
    unit: str

    @override
    def __str__(self) -> str:
        number = self.value.numerator if self.value.denominator == 1 else f"{float(self.value):g}"
        return f"{number} {_NAMES[self.unit]}{'' if self.value == 1 else 's'}"


@final
@dataclass(frozen=True)
class Moment:
    """What has been done of a run.

    Args:
        epochs: Epochs of training, exact; inside one, with the share of its batches that is done.
        steps: Optimizer steps.
        checks: Values observed, the one of this moment included.

    Returns:
        An immutable, hashable value.

    Example:
        >>> Moment(Fraction(9, 4), steps=225, checks=9).since(Moment(Fraction(2), steps=200, checks=8), "ep")
        Wait(value=Fraction(1, 4), unit='ep')
    """

    epochs: Fraction = Fraction(0)
    steps: int = 0
    checks: int = 0

    def since(self, earlier: "Moment", unit: str) -> Wait:
        """Return how long after ``earlier`` it is, in one of the units."""
        gone = {
            "ep": self.epochs - earlier.epochs,
            "step": Fraction(self.steps - earlier.steps),
            "check": Fraction(self.checks - earlier.checks),
        }
        return Wait(gone[unit], unit)


#: Before anything is trained or observed.
START: Final = Moment()


def wait(value: int | str, *, owner: str, argument: str) -> Wait:
    """Read a number of epochs, steps or checks.

    Args:
        value: ``"10ep"``, ``"500step"``, or an integer, which counts checks as Lightning's ``EarlyStopping`` does.
        owner: Public name of what the user called, for the message.
        argument: Name of the argument, for the message.

    Returns:
        The exact number, no rounding, and its unit.

    Raises:
        TypeError: ``value`` is neither a string nor an integer.
        ValueError: ``value`` is negative, a share of the run, or no duration.

    Example:
        >>> wait("2.5ep", owner="StoppingRule", argument="patience"), wait(3, owner="StoppingRule", argument="patience")
        (Wait(value=Fraction(5, 2), unit='ep'), Wait(value=Fraction(3, 1), unit='check'))
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return Wait(Fraction(non_negative_int(owner, argument, value)), "check")
    if not isinstance(value, str):
        raise TypeError(message(owner, argument, _CONDITION, value))
    if re.fullmatch(r"[0-9.]+(ep|step)", value) is None:
        raise ValueError(message(owner, argument, _CONDITION, value))
    duration = parse(value, owner=owner, argument=argument)
    return Wait(duration.value, duration.unit)
