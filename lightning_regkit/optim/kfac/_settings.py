"""What a user of K-FAC chooses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from lightning_regkit._checks import fraction, message, positive_float, positive_int

__all__ = ["OWNER", "KFACSettings"]

#: Public name in whose words K-FAC refuses.
OWNER: Final = "KFACPreconditioner"


@final
@dataclass(frozen=True)
class KFACSettings:
    """What ``KFACPreconditioner`` says of them, checked in its name."""

    damping: float
    update_every: int
    invert_every: int
    decay: float
    kl_clip: float | None
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.exclude, str):
            remedy = f"Write exclude=[{self.exclude!r}]."
            raise TypeError(message(OWNER, "exclude", "be a list of names", self.exclude, remedy))
        positive_float(OWNER, "damping", self.damping)
        positive_int(OWNER, "update_every", self.update_every)
        positive_int(OWNER, "invert_every", self.invert_every)
        fraction(OWNER, "decay", self.decay)
        if self.kl_clip is not None:
            positive_float(OWNER, "kl_clip", self.kl_clip, "None leaves steps as long as they are.")
        if self.invert_every < self.update_every:
            condition, remedy = f"be at least update_every, {self.update_every}", "In between nothing changes."
            raise ValueError(message(OWNER, "invert_every", condition, self.invert_every, remedy))
