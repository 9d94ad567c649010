"""The members of a snapshot run, as they are taken."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from lightning_regkit._checks import message
from lightning_regkit._lightning import say
from lightning_regkit._lightning._exchange import weights_of
from lightning_regkit.callbacks._cycle_settings import OWNER
from lightning_regkit.ensemble import Member, read_manifest, read_member, write_manifest, write_member

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._exchange import Weights

__all__ = ["SnapshotMembers"]


@final
class SnapshotMembers:
    """Rank 0 writes, all ranks know the list.

    Args:
        folder: Where the files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: tuple[Member, ...] = ()
        self._is_resumed = False

    def forget(self) -> None:
        """Begin a run of which nothing is known."""
        self.taken, self._is_resumed = (), False

    def begin(self, trainer: "pl.Trainer") -> None:
        """Look at the folder before the first step.

        Raises:
            ValueError: A new run would write over the members of another; or those of a resumed one are not there.
        """
        listed, missing = trainer.strategy.broadcast(
            (
                len(read_manifest(self.folder)),
                [member.file for member in self.taken if not (self.folder.joinpath(member.file)).exists()],
            )
        )
        if missing:
            condition = f"hold the members of the run that goes on, {len(self.taken)}"
            raise ValueError(message(OWNER, "dirpath", condition, f"{self.folder} without {missing[0]}"))
        if listed and not (self.taken or self._is_resumed):
            remedy = "Remove it, choose another dirpath=, or resume that run with ckpt_path=."
            raise ValueError(
                message(OWNER, "dirpath", "hold no members of another run", f"{self.folder} with {listed}", remedy)
            )

    def take(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", step: int, rate: float) -> None:
        """Write the weights of this moment, then the list that names them."""
        member: Member | None = None
        if trainer.is_global_zero:
            cycle = len(self.taken)
            member = write_member(self.folder, weights_of(pl_module), step=step, cycle=cycle, rate=rate)
        member = trainer.strategy.broadcast(member)
        assert member is not None  # noqa: S101  # for the type checker
        self._list(trainer, (*self.taken, member))
        say(
            OWNER,
            f"member {len(self.taken)} is {self.folder.joinpath(member.file)}, after step {step} at rate {rate:g}.",
        )

    def score(self, trainer: "pl.Trainer", step: int, value: float) -> None:
        """Note what a metric says of the last member, if the weights are still those."""
        if self.taken and self.taken[-1].step == step:
            self._list(trainer, (*self.taken[:-1], replace(self.taken[-1], score=value)))

    def listed(self) -> "Sequence[tuple[str, Callable[[], Weights]]]":
        """Return the names of the members in the folder, the oldest first, and what reads and checks each."""
        return [(member.file, partial(read_member, self.folder, member)) for member in read_manifest(self.folder)]

    def save(self) -> list[dict[str, Any]]:
        """Return the list as plain values."""
        return [asdict(member) for member in self.taken]

    def load(self, entries: Sequence[dict[str, Any]]) -> None:
        """Take up the list of a checkpoint."""
        self.taken, self._is_resumed = tuple(Member(**entry) for entry in entries), True

    def _list(self, trainer: "pl.Trainer", members: tuple[Member, ...]) -> None:
        self.taken = members
        if trainer.is_global_zero:
            write_manifest(self.folder, members)
