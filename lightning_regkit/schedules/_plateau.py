"""A multiplier that falls when a metric stops improving."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, final, get_args

from lightning_regkit._checks import (
    fraction,
    message,
    non_negative_float,
    non_negative_int,
    one_of,
    refuse_default_mode,
)
from lightning_regkit.schedules._lengths import positive_fraction

__all__ = ["Plateau", "PlateauState", "observe_plateau"]

_Mode: TypeAlias = Literal["min", "max"]


@final
@dataclass(frozen=True)
class Plateau:
    """When to lower the rate, whatever its schedule, and by how much; time is counted in validations, not epochs.

    Args:
        monitor: Name of the metric, as logged.
        mode: ``"min"`` where lower is better, ``"max"`` where higher is.
        factor: What the multiplier is multiplied by, in (0, 1).
        patience: Validations without improvement that are borne, >= 0; the next one lowers the rate.
        min_delta: An improvement is larger than this, >= 0, in the units of the metric.
        cooldown: Validations after each fall that are not counted, >= 0.
        min_factor: The multiplier never falls below this, in [0, 1].

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> Plateau("val_loss", patience=3).describe()
        'Plateau: x0.1 whenever val_loss gets no lower in 4 validations on end'
    """

    monitor: str
    mode: _Mode = "min"
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 0.0
    cooldown: int = 0
    min_factor: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.monitor, str):
            raise TypeError(message("Plateau", "monitor", "be the name of a logged metric", self.monitor))
        one_of("Plateau", "mode", self.mode, get_args(_Mode))
        refuse_default_mode("Plateau", self.monitor, self.mode, default="min")
        if positive_fraction("Plateau", "factor", self.factor) == 1:
            raise ValueError(message("Plateau", "factor", "be below 1", self.factor))
        non_negative_int("Plateau", "patience", self.patience)
        non_negative_float("Plateau", "min_delta", self.min_delta)
        non_negative_int("Plateau", "cooldown", self.cooldown)
        fraction("Plateau", "min_factor", self.min_factor)

    def describe(self) -> str:
        """Say in one line what it waits for and what it does then."""
        direction = "lower" if self.mode == "min" else "higher"
        by = f" by {self.min_delta:g}" if self.min_delta else ""
        floor = f", down to x{self.min_factor:g}" if self.min_factor else ""
        rest = f", then {self.cooldown} uncounted" if self.cooldown else ""
        waited = f"{self.patience + 1} validation{'s on end' if self.patience else ''}"
        return f"Plateau: x{self.factor:g} whenever {self.monitor} gets no {direction}{by} in {waited}{rest}{floor}"


@final
@dataclass(frozen=True)
class PlateauState:
    """What a plateau remembers between validations.

    Args:
        factor: The multiplier now, in [0, 1].
        best: Best value so far; None before there is one.
        waited: Validations since then, those after a fall and its cooldown.
        cooling: Validations of the cooldown that are left.

    Returns:
        An immutable, hashable value.

    Example:
        >>> PlateauState()
        PlateauState(factor=1.0, best=None, waited=0, cooling=0)
    """

    factor: float = 1.0
    best: float | None = None
    waited: int = 0
    cooling: int = 0


def observe_plateau(plateau: Plateau, state: PlateauState, value: float) -> PlateauState:
    """Return the state after one more validation.

    A value is an improvement if value < best - min_delta (``"max"``: value > best + min_delta). After more than
    ``patience`` values in a row that are none, the multiplier becomes max(factor * multiplier, min_factor).

    Args:
        plateau: The settings.
        state: Before.
        value: The metric; NaN is never an improvement.

    Returns:
        After; its factor is never above that before.

    Example:
        >>> plateau, state = Plateau("val_loss", factor=0.5, patience=1), PlateauState()
        >>> for value in (1.0, 0.8, 0.9, 0.8):
        ...     state = observe_plateau(plateau, state, value)
        >>> state
        PlateauState(factor=0.5, best=0.8, waited=0, cooling=0)

    Reference:
        torch.optim.lr_scheduler.ReduceLROnPlateau with ``threshold_mode="abs"`` and ``eps=0``.

    Differs from the paper:
        It is a multiplier on any schedule, where torch's class rewrites the rate that it finds.
    """
    is_better = _is_better(plateau, state.best, value)
    waited = 0 if is_better or state.cooling else state.waited + 1
    after = PlateauState(state.factor, value if is_better else state.best, waited, max(state.cooling - 1, 0))
    if waited <= plateau.patience:
        return after
    lowered = min(max(state.factor * plateau.factor, plateau.min_factor), state.factor)
    return PlateauState(lowered, after.best, 0, plateau.cooldown)


def _is_better(plateau: Plateau, best: float | None, value: float) -> bool:
    if plateau.mode == "min":
        return value < (math.inf if best is None else best) - plateau.min_delta
    return value > (-math.inf if best is None else best) + plateau.min_delta
