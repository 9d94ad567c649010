"""How far a run is when a training batch comes: the optimizer step that the batch belongs to."""

from typing import TYPE_CHECKING, Final, final

from lightning_regkit._checks import message
from lightning_regkit._durations import Horizon, steps
from lightning_regkit._lightning._horizon import accumulation_scheduler, horizons

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Progress"]

_NOWHERE: Final = Horizon(total_steps=None)


@final
class Progress:
    """The optimizer step of a training batch, worked out from its place in the run: nothing is counted, nothing saved.

    It is the step that the plan has for the batch, on the same axis as the horizon: all batches of an accumulation
    window share one; steps that mixed precision skips count, as batches whose step is None do; in manual optimization,
    whose steps only the user knows, every batch is one. Equal on all ranks and after a resume.

    Args:
        owner: The callback's name, for messages.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._trainer: pl.Trainer | None = None
        self.horizon = _NOWHERE

    def attach(self, trainer: "pl.Trainer") -> None:
        """Work out the run's length at ``on_train_start``.

        Raises:
            ValueError: Epochs have no known length, and accumulation changes from one to the other.
        """
        self._trainer = trainer
        self.horizon = next(iter(horizons(self._owner, trainer, None)), _NOWHERE)
        if not self.horizon.epoch_ends and accumulation_scheduler(trainer) is not None:
            condition, found = "have a length where accumulation is scheduled", trainer.num_training_batches
            remedy = "Pass limit_train_batches= to the Trainer."
            raise ValueError(message(self._owner, "the training data", condition, found, remedy))

    def detach(self) -> None:
        """Let go of the Trainer; harmless when there is none."""
        self._trainer = None

    @property
    def step(self) -> int:
        """Step of the batch that is about to be trained on, 0-based, while it is transferred."""
        return self._step(1)  # the counter moves after the transfer

    @property
    def step_of_batch(self) -> int:
        """The same from ``on_train_batch_start`` on."""
        return self._step(0)

    def _step(self, ahead: int) -> int:
        assert self._trainer is not None, "attach() comes first"  # noqa: S101  # for the type checker
        loop, window = self._trainer.fit_loop, self._trainer.accumulate_grad_batches
        if not self.horizon.epoch_ends:
            return (loop.total_batch_idx + ahead) // window
        start = steps(f"{self._trainer.current_epoch}ep", self.horizon, owner=self._owner, argument="epoch")
        return start + (loop.batch_idx + ahead) // window
