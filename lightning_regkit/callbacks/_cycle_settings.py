"""What the user chooses of a snapshot ensemble in training, and the runs in which it cannot work."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from lightning_regkit._checks import message, positive_int
from lightning_regkit._lightning import is_among
from lightning_regkit._lightning._restart import refuse_sharded, refuse_unrestartable

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

    def refuse(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Refuse a fit that has no such cycles, or whose weights cannot be written or drawn again.

        Raises:
            TypeError: The strategy shards weights, or weights cannot be drawn again as ``single_cycle`` asks.
            ValueError: There is a time limit, or another number of optimizers than one.
        """
        refuse_sharded(OWNER, trainer)
        self.refuse_time_limit(trainer)
        if len(trainer.optimizers) != 1:
            raise ValueError(message(OWNER, "configure_optimizers", "make one optimizer", len(trainer.optimizers)))
        if self.control == "single_cycle":
            refuse_unrestartable(OWNER, pl_module)

    def refuse_time_limit(self, trainer: "pl.Trainer") -> None:
        """Refuse ``max_time``, before a fit too; raises ``ValueError``."""
        if is_among(trainer, "Timer"):
            remedy = "Cycles need a number of steps: pass max_steps= or max_epochs= alone."
            raise ValueError(message(OWNER, "max_time", "be left out", "a time limit", remedy))
