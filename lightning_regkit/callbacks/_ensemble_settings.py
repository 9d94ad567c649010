"""What the user chooses of an ensemble at test, whatever its members are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar, final

from lightning_regkit._checks import message, one_of, positive_int
from lightning_regkit._lightning import say

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl
    from lightning_regkit.marginalize import Readout

__all__ = ["EnsembleSettings"]

PLACEMENTS: Final = ("auto", "device", "host")

Item = TypeVar("Item")


@final
@dataclass(frozen=True)
class EnsembleSettings:
    """The choices that both callbacks have; ``owner`` is the name of the one."""

    owner: str
    num_members: int | None
    stages: Sequence[str]
    curve: bool
    placement: str
    readout: "Readout"

    def __post_init__(self) -> None:
        if self.num_members is not None:
            positive_int(self.owner, "num_members", self.num_members)
        one_of(self.owner, "placement", self.placement, PLACEMENTS)

    def newest(self) -> slice:
        """Return the last ``num_members`` of members, the oldest first; all of them by default."""
        return slice(None if self.num_members is None else -self.num_members, None)

    def needed(self, members: Sequence[Item], stage: str) -> Sequence[Item]:
        """Return the members to run: all where a curve is drawn, else those that are averaged.

        Raises:
            ValueError: There are fewer than are asked for.
        """
        if len(members) < (self.num_members or 1):
            remedy = "A member is taken at the end of each cycle of a fit."
            condition = f"be at least {self.num_members or 1}"
            raise ValueError(message(self.owner, "the number of members", condition, len(members), remedy))
        return members if self.draws_curve(stage) else members[self.newest()]

    def draws_curve(self, stage: str) -> bool:
        """Tell whether a curve is drawn in this stage: there are no targets in ``predict``."""
        return self.curve and stage != "predict"

    def is_off(self, trainer: "pl.Trainer") -> bool:
        """Tell whether this call asks for the weights of one file, and say so."""
        if trainer.ckpt_path:
            say(self.owner, f"no ensemble in this call, for the weights of {trainer.ckpt_path} were asked for.")
        return bool(trainer.ckpt_path)
