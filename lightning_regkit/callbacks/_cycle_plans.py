"""What is planned of the cycles of a snapshot run, and those that end after known numbers of steps."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias, final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_regkit._lightning import Clock, pl
    from lightning_regkit.schedules import Schedule

__all__ = ["CountedPlan", "CyclePlan", "Saved"]

#: What a resumed run needs of a plan, as plain values.
Saved: TypeAlias = dict[str, Any] | None


class CyclePlan(ABC):
    """What is planned of the cycles of one run."""

    @abstractmethod
    def is_end(self, step: int) -> bool:
        """Tell whether a cycle ends after so many steps."""

    @abstractmethod
    def is_between(self, step: int) -> bool:
        """Tell whether a cycle ends after so many steps and another begins."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """Return the factor of the rate for a step, where it is driven."""

    @abstractmethod
    def describe(self) -> str:
        """Say when members are taken."""

    @abstractmethod
    def report(self, clock: "Clock", *, is_driven: bool) -> None:
        """Say at the end of the run what was planned and did not come."""

    @abstractmethod
    def begin(self, trainer: "pl.Trainer", step: int, taken: "Sequence[int]", saved: Saved) -> None:
        """Settle where the run is before the first step of a process.

        Args:
            trainer: At ``on_train_start``.
            step: Steps done.
            taken: Steps after which members were taken.
            saved: What ``save`` returned.
        """

    @abstractmethod
    def advance(self, trainer: "pl.Trainer", step: int) -> None:
        """Go on after a step."""

    @abstractmethod
    def review(self, trainer: "pl.Trainer", step: int) -> bool:
        """Look again right before a step, after something that took time, and tell whether its factor is another."""

    @abstractmethod
    def save(self) -> Saved:
        """Return what a resumed run needs."""


@final
class CountedPlan(CyclePlan):
    """Cycles that end after known numbers of steps.

    Args:
        ends: Those numbers, increasing.
        schedule: Of the rate.
    """

    def __init__(self, ends: tuple[int, ...] = (), schedule: "Schedule | None" = None) -> None:
        self.ends = ends
        self._schedule = schedule

    @override
    def is_end(self, step: int) -> bool:
        return step in self.ends

    @override
    def is_between(self, step: int) -> bool:
        return step in self.ends[:-1]

    @override
    def factor(self, step: int) -> float:
        return 1.0 if self._schedule is None else self._schedule(step)

    @override
    def describe(self) -> str:
        return f"takes members after steps {', '.join(map(str, self.ends))}"

    @override
    def report(self, clock: "Clock", *, is_driven: bool) -> None:
        clock.report()

    @override
    def begin(self, trainer: "pl.Trainer", step: int, taken: "Sequence[int]", saved: Saved) -> None:
        """Begin anywhere: all follows from the step."""

    @override
    def advance(self, trainer: "pl.Trainer", step: int) -> None:
        """Go on as planned."""

    @override
    def review(self, trainer: "pl.Trainer", step: int) -> bool:
        return False

    @override
    def save(self) -> Saved:
        return None
