"""How many steps each optimizer has made.

Lightning's ``global_step`` counts steps that mixed precision skipped, adds up optimizers and misses raw ones, so steps
are counted where they happen: by a hook on each optimizer.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, final

from lightning_regkit._checks import message
from lightning_regkit._lightning._closures import refuse_closure_misuse
from lightning_regkit._lightning._horizon import horizons, refuse_long_windows
from lightning_regkit._lightning._ranks import say
from lightning_regkit._lightning._step_hooks import after_each_step

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit._durations import Horizon
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Clock"]


@final
class Clock:
    """Steps done by each optimizer, counted by hooks: L-BFGS closures, skipped and raw steps come out right.

    Args:
        callback: The callback it counts for; it rests while that is not in ``trainer.callbacks`` (a finder's trial).
        on_step: Bound method called with the optimizer's index right after each real step.
        total_steps: Steps of the run if the user says so, for all optimizers or for each.
    """

    def __init__(
        self, callback: "pl.Callback", on_step: Callable[[int], None], total_steps: int | tuple[int, ...] | None = None
    ) -> None:
        self._callback = callback
        self._on_step = on_step
        self._total_steps = total_steps
        self._batches: int | float = 0
        self._trainer: pl.Trainer | None = None
        self._ends: list[Callable[[], None]] = []
        self.steps: list[int] = []
        self.horizons: list[Horizon] = []

    def attach(self, trainer: "pl.Trainer") -> None:
        """Start counting at ``on_train_start``: from zero, or from what a checkpoint or an earlier fit left.

        Raises:
            RuntimeError: A resumed run has several optimizers and its checkpoint says nothing of their steps.
            ValueError: ``total_steps`` is for another number of optimizers; or accumulation is longer than an epoch.
        """
        self.detach()
        refuse_long_windows(self._owner, trainer)
        refuse_closure_misuse(self._owner, trainer)
        self.horizons = horizons(self._owner, trainer, self._total_steps)
        self._batches = trainer.num_training_batches
        count = len(trainer.optimizers)
        if trainer.fit_loop.total_batch_idx < 0:  # not global_step, which raw optimizers never move
            self.steps = [0] * count
        elif len(self.steps) != count:
            self.steps = [self._steps_of(trainer)]
        self._trainer = trainer
        self._ends = [
            after_each_step(optimizer, partial(self._after_step, index))
            for index, optimizer in enumerate(trainer.optimizers)
        ]

    def detach(self) -> None:
        """Stop counting, keeping the counts; harmless when not started."""
        for end in self._ends:
            end()
        self._ends, self._trainer = [], None

    def forget(self) -> None:
        """Drop the counts, before a checkpoint brings its own or has none."""
        self.steps = []

    def report(self) -> None:
        """Say which optimizers ended before the planned step: early stopping, a time limit, skipped steps."""
        for index, (horizon, done) in enumerate(zip(self.horizons, self.steps, strict=True)):
            if horizon.total_steps is not None and done < horizon.total_steps:
                say(self._owner, f"optimizer {index} ended at step {done} of the {horizon.total_steps} planned.")

    def refuse_resize(self, trainer: "pl.Trainer") -> None:
        """Refuse an epoch of another length than the plan assumes.

        Raises:
            ValueError: Names both lengths.
        """
        if self._total_steps is None and trainer.num_training_batches != self._batches:
            condition, found = f"stay {self._batches} as planned", trainer.num_training_batches
            remedy = "Pass total_steps= with the optimizer steps of the whole run."
            raise ValueError(message(self._owner, "batches per epoch", condition, found, remedy))

    def refuse_drift(self, trainer: "pl.Trainer") -> None:
        """Refuse manual optimization that does not step every optimizer once a batch, as the planned length assumes.

        Steps that a gradient scaler skipped are not missed: Lightning counts them too.

        Raises:
            ValueError: Names the steps made by each optimizer.
        """
        batches = trainer.fit_loop.total_batch_idx + 1
        if self._total_steps is not None or all(steps == batches for steps in self.steps):
            return
        is_skipped = trainer.scaler is not None and trainer.global_step == batches * len(self.steps)
        if not is_skipped or max(self.steps) > batches:
            raise ValueError(
                f"{self._owner}: total_steps must be given where manual optimization does not step every optimizer "
                f"once a batch, got {self.steps} steps in {batches} batches. Pass total_steps= with the steps of the "
                "whole run, one number for each optimizer."
            )

    @property
    def _owner(self) -> str:
        return type(self._callback).__name__

    def _steps_of(self, trainer: "pl.Trainer") -> int:
        if len(trainer.optimizers) > 1:
            raise RuntimeError(
                f"{self._owner}: the checkpoint must hold the steps of {len(trainer.optimizers)} optimizers, got none, "
                f"for it was saved without {self._owner}. Load its weights only and start a new fit."
            )
        return trainer.global_step

    def _after_step(self, index: int, optimizer: "Optimizer", _args: object, _kwargs: object) -> None:
        # In trials of the finders the callback is not in the list.
        if self._trainer is None or self._callback not in self._trainer.callbacks:  # type: ignore[attr-defined]
            return
        # A scaler leaves most optimizers uncalled on overflow; a fused one is called, told so, and skips by itself.
        found_inf: Any = vars(optimizer).get("found_inf")
        if found_inf is not None and found_inf.item():
            return
        self.steps[index] += 1
        self._on_step(index)
