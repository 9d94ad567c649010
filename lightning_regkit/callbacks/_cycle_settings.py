"""What the user chooses of a snapshot ensemble in training, and the runs in which it cannot work."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from lightning_regkit._checks import message, positive_int
from lightning_regkit._durations import parse
from lightning_regkit._lightning._restart import refuse_sharded, refuse_unrestartable
from lightning_regkit._lightning._time_limit import refuse_untimely, time_limit

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl

__all__ = ["OWNER", "CycleSettings"]

OWNER = "SnapshotEnsemble"


@final
@dataclass(frozen=True)
class CycleSettings:
    """What is done in training; the arguments are those of ``SnapshotEnsemble``."""

    num_cycles: int
    warmup: int | str
    control: str | None
    monitor: str | None
    dirpath: Path

    def __post_init__(self) -> None:
        positive_int(OWNER, "num_cycles", self.num_cycles)
        if self.control not in {None, "no_cycle", "single_cycle"}:
            raise ValueError(message(OWNER, "control", "be None, 'no_cycle' or 'single_cycle'", self.control))
        parse(self.warmup, owner=OWNER, argument="warmup")
        if self.control == "no_cycle" and self.warmup != 0:
            remedy = "Nothing is driven then."
            raise ValueError(message(OWNER, "warmup", "be left out with control='no_cycle'", self.warmup, remedy))

    def refuse(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Refuse a fit that has no such cycles, or whose weights cannot be written or drawn again.

        Raises:
            TypeError: The strategy shards weights, or weights cannot be drawn again as ``single_cycle`` asks.
            ValueError: There is another number of optimizers than one, or something that a time limit rules out.
        """
        refuse_sharded(OWNER, trainer)
        self.refuse_timed(trainer)
        if len(trainer.optimizers) != 1:
            raise ValueError(message(OWNER, "configure_optimizers", "make one optimizer", len(trainer.optimizers)))
        if self.control == "single_cycle":
            refuse_unrestartable(OWNER, pl_module)

    def refuse_timed(self, trainer: "pl.Trainer") -> None:
        """Refuse what cannot be beside a time limit, before a fit too; raises ``ValueError``."""
        refuse_untimely(OWNER, trainer)
        if time_limit(trainer) is not None and parse(self.warmup, owner=OWNER, argument="warmup").unit == "run":
            raise ValueError(message(OWNER, "warmup", "be in epochs or steps with max_time", self.warmup))
