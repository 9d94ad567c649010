"""What a search may choose from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from typing_extensions import override

from lightning_regkit._checks import finite_float, message, positive_int

__all__ = ["Among", "Between", "Space", "Value", "check_space"]

#: What a hyperparameter may be.
Value: TypeAlias = float | int | str | bool | None

OF_OPTIMIZER: Final = frozenset({"lr", "momentum", "optimizer", "weight_decay"})


@final
@dataclass(frozen=True)
class Between:
    """A number from an interval, ends included.

    Args:
        low: The smallest.
        high: The largest, above ``low``.
        is_log: Whether equal ratios are equally likely, not equal differences; needs ``low`` above 0.
        points: How many a grid takes, at least 2.

    Raises:
        TypeError: A number is of the wrong kind.
        ValueError: A number is out of range.

    Example:
        >>> [round(value, 6) for value in Between(1e-3, 1e-1, points=3).grid()]
        [0.001, 0.01, 0.1]
    """

    low: float
    high: float
    is_log: bool = True
    points: int = 4

    def __post_init__(self) -> None:
        owner = "tuning.Between"
        if finite_float(owner, "high", self.high) <= finite_float(owner, "low", self.low):
            raise ValueError(message(owner, "high", f"be above low, {self.low}", self.high))
        if self.is_log and self.low <= 0:
            raise ValueError(message(owner, "low", "be above 0 with is_log", self.low, "Pass is_log=False."))
        if positive_int(owner, "points", self.points) == 1:
            raise ValueError(message(owner, "points", "be at least 2", 1))

    def at(self, share: float) -> float:
        """Return the number at a share in [0, 1] of the way."""
        if self.is_log:
            value = math.pow(self.low, 1 - share) * math.pow(self.high, share)
        else:
            value = self.low * (1 - share) + self.high * share
        return min(self.high, max(self.low, value))  # both forms are exact at the ends; between, rounding may leave it

    def share(self, value: float) -> float:
        """Return which share of the way ``value`` is at."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def grid(self) -> tuple[float, ...]:
        """Return the points of a grid."""
        return tuple(self.at(index / (self.points - 1)) for index in range(self.points))

    @override
    def __str__(self) -> str:
        return f"from {self.low:.2g} to {self.high:.2g}"


@final
@dataclass(frozen=True)
class Among:
    """One of a few values.

    Args:
        values: At least one: numbers, texts, truth values or None; all different.

    Raises:
        ValueError: There is none, or one is there twice.

    Example:
        >>> Among((1e-4, 1e-5, 0.0)).grid()
        (0.0001, 1e-05, 0.0)
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(message("tuning.Among", "values", "be different ones, at least one", self.values))

    def at(self, share: float) -> Value:
        """Return the value at a share in [0, 1) of the way."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def grid(self) -> tuple[Value, ...]:
        """Return all of them."""
        return self.values

    @override
    def __str__(self) -> str:
        return f"among {', '.join(map(str, self.values))}"


#: Hyperparameters by name: ``lr``, ``weight_decay``, ``momentum``; ``optimizer``, a name of ``rk.optim``, and
#: ``optimizer.option``, any other option of it; ``Callback.argument`` of ``rk.callbacks``, or of what makes a callback;
#: ``module.argument`` of the function that makes the module.
Space: TypeAlias = Mapping[str, Between | Among]


def check_space(owner: str, space: Space) -> None:
    """Refuse names that nothing is called by.

    Args:
        owner: Who is asked.
        space: The hyperparameters.

    Raises:
        ValueError: There is none, or a name is unknown.
    """
    if not space:
        raise ValueError(message(owner, "space", "hold a hyperparameter", dict(space)))
    for name in space:
        if name not in OF_OPTIMIZER and "." not in name:
            known = f"{', '.join(sorted(OF_OPTIMIZER))}, optimizer.option, Callback.argument or module.argument"
            raise ValueError(message(owner, "space", f"be of {known}", name))
