"""The training data of a run that stops and goes on: the next iterator begins at the first sample not yet used."""

from dataclasses import asdict, replace
from typing import Any, final

from lightning_regkit._checks import message
from lightning_regkit._lightning import LoaderSeam, Place, flat_loaders, is_cycled, pl, renumber
from lightning_regkit.samplers import LoaderPlan, ResumableSampler, resumable_sampler

__all__ = ["DataOrder"]


@final
class DataOrder:
    """Positions the resumable samplers of the training loaders, before Lightning iterates them.

    Args:
        owner: Public name of the callback, for messages.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._seam = LoaderSeam(self._enter)
        self._found: list[tuple[ResumableSampler, LoaderPlan]] = []
        self._saved: list[LoaderPlan] = []
        self._starts: list[int] = []
        self._place: Place | None = None

    def save(self) -> list[dict[str, Any]]:
        """Return how each loader deals its data; [] before the run has asked for its loaders."""
        return [asdict(plan) for _, plan in self._found]

    def load(self, plans: list[dict[str, Any]], place: Place, world_size: int) -> None:
        """Take what ``save`` returned, where the run goes on, and how many processes it had."""
        self._saved = [LoaderPlan(**plan) for plan in plans]
        self._place = place
        self._starts = [
            plan.num_examples if place.is_over else plan.examples_in(place.batches, world_size=world_size)
            for plan in self._saved
        ]

    def change_world(self, trainer: "pl.Trainer", loops: dict[str, Any], *, is_window_open: bool) -> None:
        """Count the epoch's batches as this number of processes has them: the global order of samples goes on.

        Raises:
            ValueError: The epoch is cut short by ``limit_train_batches``, or mixes several loaders, or was left inside
                an accumulation window, whose gradients belong to the processes that made them.
        """
        if self._place is None or not self._place.is_inside or self._place.is_over:
            return
        if is_window_open or len(self._saved) > 1 or trainer.limit_train_batches != 1.0:
            inside = (
                "inside an accumulation window" if is_window_open else "with several loaders or limit_train_batches"
            )
            condition = f"be that of the checkpoint {inside}"
            remedy = "Resume with as many processes as before, or from a checkpoint of the end of an epoch."
            raise ValueError(message(self._owner, "the number of processes", condition, trainer.world_size, remedy))
        plan, start, world_size = self._saved[0], self._starts[0], trainer.world_size
        whole = plan.batches_after(0, world_size=world_size)
        renumber(loops, whole - plan.batches_after(start, world_size=world_size))

    def attach(self, trainer: "pl.Trainer") -> None:
        """Start at ``on_fit_start``."""
        overfit_batches = trainer.overfit_batches  # type: ignore[attr-defined]  # set by the data connector
        if overfit_batches:
            remedy = f"It replaces the sampler: take {self._owner} out of the callbacks for that trial."
            raise ValueError(message(self._owner, "overfit_batches", "be 0", overfit_batches, remedy))
        self._seam.attach(trainer)

    def detach(self) -> None:
        """Stop, and forget where a resumed run went on; harmless when not started."""
        self._seam.detach()
        self._place = None

    def refuse_replaced(self, trainer: "pl.Trainer") -> None:
        """Refuse a loader whose sampler Lightning has replaced since, at ``on_train_start``."""
        if not all(map(self._is_found, flat_loaders(trainer.train_dataloader))):
            raise TypeError(
                f"{self._owner}: train_dataloader must keep its sampler, got one that the Trainer put in its place. "
                "Pass Trainer(use_distributed_sampler=False)."
            )

    def entered(self) -> None:
        """Forget where the run went on, once its first batch is there: later iterators begin their epochs."""
        self._place = None

    @property
    def draws(self) -> int:
        """How many iterators draw a seed from torch's generator as an epoch begins: those that do not persist."""
        return sum(plan.draws_seed for _, plan in self._found)

    def _is_found(self, loader: object) -> bool:
        try:
            sampler, _ = resumable_sampler(self._owner, loader)
        except TypeError:
            return False
        return any(sampler is ours for ours, _ in self._found)

    def _enter(self, trainer: "pl.Trainer", loaders: object) -> None:
        found = [resumable_sampler(self._owner, loader) for loader in flat_loaders(loaders)]
        self._found = [(sampler, replace(plan, is_cycled=is_cycled(loaders))) for sampler, plan in found]
        epochs: Any = trainer.fit_loop.epoch_progress.current
        place = self._place or Place(epochs.processed, 0)
        starts = self._starts if place.is_inside else [0 for _ in self._found]
        saved = self._saved if place.is_inside else [plan for _, plan in self._found]
        if len(saved) != len(found):
            condition = f"hold {len(saved)} loaders as the checkpoint says"
            remedy = "Set it back, or resume from a checkpoint of the end of an epoch."
            raise ValueError(message(self._owner, "train_dataloader", condition, len(found), remedy))
        for (sampler, plan), start, before in zip(self._found, starts, saved, strict=True):
            plan.refuse_other(self._owner, asdict(before))
            sampler.start_at(place.epoch, start)
