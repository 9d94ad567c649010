"""What is remembered between two values."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self, final

from lightning_regkit.stopping._moment import START, Moment

__all__ = ["StoppingState"]


@final
@dataclass(frozen=True)
class StoppingState:
    """What is remembered between two values.

    Args:
        best: Best value so far; None before there is one.
        best_at: When it was observed.
        last: Value observed last; None before there is one.
        last_at: When.
        since: From when waiting is counted: the last improvement, or the end of ``start_after``.

    Returns:
        An immutable, hashable value.

    Example:
        >>> StoppingState.from_plain(StoppingState(best=0.5).plain()).best
        0.5
    """

    best: float | None = None
    best_at: Moment = START
    last: float | None = None
    last_at: Moment = START
    since: Moment = START

    def plain(self) -> dict[str, Any]:
        """Return it as numbers, strings and lists, which any checkpoint may hold."""
        moments = {"best_at": _plain(self.best_at), "last_at": _plain(self.last_at), "since": _plain(self.since)}
        return {"best": self.best, "last": self.last, **moments}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Read what ``plain`` returned."""
        best_at, last_at, since = (_moment(plain[name]) for name in ("best_at", "last_at", "since"))
        return cls(best=plain["best"], best_at=best_at, last=plain["last"], last_at=last_at, since=since)


def _plain(at: Moment) -> list[str | int]:
    return [str(at.epochs), at.steps, at.checks]


def _moment(plain: list[Any]) -> Moment:
    epochs, steps, checks = plain
    return Moment(Fraction(epochs), steps, checks)
