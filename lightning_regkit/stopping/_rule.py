"""What counts as better, and when there has been enough of what does not."""

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, final, get_args

from lightning_regkit._checks import finite_float, message, non_negative_float, non_negative_int, one_of
from lightning_regkit.stopping._moment import Wait, wait

__all__ = ["Mode", "StoppingLimits", "StoppingRule", "is_improvement"]

#: ``"min"`` where lower is better, ``"max"`` where higher is.
Mode: TypeAlias = Literal["min", "max"]


@final
@dataclass(frozen=True)
class StoppingLimits:
    """When a run is not stopped yet, and when it is stopped at once.

    Args:
        min_epochs: Nothing stops the run before so many epochs are done, >= 0.
        min_steps: Nothing stops the run before so many optimizer steps are done, >= 0.
        start_after: Waiting starts after this, and nothing stops the run until then: ``"5ep"``, ``"500step"``, or an
            integer, which counts checks. For a warmup.
        target: A value this good ends the run; None never does.
        divergence: A value worse than this ends the run; None never does.
        check_finite: Whether NaN or an infinite value ends the run; if so an infinite one is no improvement either.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> StoppingLimits(min_epochs=20, target=0.95).target
        0.95
    """

    min_epochs: int = 0
    min_steps: int = 0
    start_after: int | str = 0
    target: float | None = None
    divergence: float | None = None
    check_finite: bool = True

    def __post_init__(self) -> None:
        non_negative_int("StoppingLimits", "min_epochs", self.min_epochs)
        non_negative_int("StoppingLimits", "min_steps", self.min_steps)
        wait(self.start_after, owner="StoppingLimits", argument="start_after")
        for name, bound in (("target", self.target), ("divergence", self.divergence)):
            if bound is not None:
                finite_float("StoppingLimits", name, bound)


@final
@dataclass(frozen=True)
class StoppingRule:
    """The one definition of better, for stopping, saving and restoring, and how long to wait for it.

    Args:
        mode: ``"min"`` where lower is better, ``"max"`` where higher is.
        patience: How long to go on without improvement: ``"10ep"``, ``"500step"``, or an integer, which counts checks.
        min_delta: An improvement is larger than this, >= 0, in the units of the metric.
        limits: When the run is not stopped yet, and when at once.
        owner: Public name of what the user called, for messages.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range, or no value could lie between ``divergence`` and ``target``.

    Example:
        >>> StoppingRule("max", patience="10ep").wait
        Wait(value=Fraction(10, 1), unit='ep')
    """

    mode: Mode
    patience: int | str = "10ep"
    min_delta: float = 0.0
    limits: StoppingLimits = field(default_factory=StoppingLimits)
    owner: str = field(default="StoppingRule", repr=False, compare=False)

    def __post_init__(self) -> None:
        one_of(self.owner, "mode", self.mode, get_args(Mode))
        wait(self.patience, owner=self.owner, argument="patience")
        non_negative_float(self.owner, "min_delta", self.min_delta)
        if not isinstance(self.limits, StoppingLimits):
            remedy = "Write StoppingLimits(min_epochs=20)."
            raise TypeError(message(self.owner, "limits", "be a StoppingLimits", self.limits, remedy))
        target, divergence = self.limits.target, self.limits.divergence
        if target is not None and divergence is not None and not self.is_beyond(target, divergence):
            condition = f"be worse than target={target:g} where the mode is {self.mode!r}"
            raise ValueError(message(self.owner, "divergence", condition, divergence))

    @property
    def wait(self) -> Wait:
        """The patience, as a number and its unit."""
        return wait(self.patience, owner=self.owner, argument="patience")

    @property
    def start(self) -> Wait:
        """Where waiting starts, as a number and its unit."""
        return wait(self.limits.start_after, owner=self.owner, argument="start_after")

    def is_beyond(self, value: float, bound: float) -> bool:
        """Tell whether ``value`` is better than ``bound``; NaN never is."""
        return value < bound if self.mode == "min" else value > bound


def is_improvement(rule: StoppingRule, best: float | None, value: float) -> bool:
    """Tell whether a value improves on the best before it.

    For ``"max"``, value > best + min_delta; for ``"min"``, value < best - min_delta.

    Args:
        rule: The settings.
        best: Best value before; None where there is none.
        value: What was observed.

    Returns:
        True for the first value as well; False for NaN, and for an infinite one that would end the run.

    Example:
        >>> rule = StoppingRule("max", min_delta=0.05)
        >>> [is_improvement(rule, best, value) for best, value in ((0.9, 0.94), (0.9, 0.96), (None, float("nan")))]
        [False, True, False]
    """
    if math.isnan(value) or (rule.limits.check_finite and math.isinf(value)):
        return False
    if best is None:
        return True
    return rule.is_beyond(value, best - rule.min_delta if rule.mode == "min" else best + rule.min_delta)
