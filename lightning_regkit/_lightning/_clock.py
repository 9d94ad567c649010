"""How many steps each optimizer has made.

Lightning's ``global_step`` counts steps that mixed precision skipped, adds up optimizers and misses raw ones, so steps
are counted where they happen: by a hook on each optimizer.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, final

from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from lightning_regkit._lightning._override import is_listed

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Clock"]


@final
class Clock:
    """Steps done by each optimizer, counted by hooks: L-BFGS closures, skipped and raw steps come out right.

    Args:
        callback: The callback it counts for; it rests while that is not in ``trainer.callbacks`` (a finder's trial).
        on_step: Bound method called with the optimizer's index right after each real step.
    """

    def __init__(self, callback: "pl.Callback", on_step: Callable[[int], None]) -> None:
        self._callback = callback
        self._on_step = on_step
        self._trainer: pl.Trainer | None = None
        self._handles: list[RemovableHandle] = []
        self.steps: list[int] = []

    def attach(self, trainer: "pl.Trainer") -> None:
        """Start counting at ``on_train_start``: from zero, or from what a checkpoint or an earlier fit left.

        Raises:
            RuntimeError: A resumed run has several optimizers and its checkpoint says nothing of their steps.
        """
        self.detach()
        count = len(trainer.optimizers)
        if trainer.fit_loop.total_batch_idx < 0:  # not global_step, which raw optimizers never move
            self.steps = [0] * count
        elif len(self.steps) != count:
            self.steps = [self._steps_of(trainer)]
        self._trainer = trainer
        self._handles = [
            optimizer.register_step_post_hook(partial(self._after_step, index))
            for index, optimizer in enumerate(trainer.optimizers)
        ]

    def detach(self) -> None:
        """Stop counting, keeping the counts; harmless when not started."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._trainer = [], None

    def refuse_drift(self, trainer: "pl.Trainer") -> None:
        """Refuse manual optimization that does not step every optimizer once a batch, as the planned length assumes.

        Raises:
            ValueError: Names the steps made by each optimizer.
        """
        batches = trainer.fit_loop.total_batch_idx + 1
        if any(steps != batches for steps in self.steps):
            owner = type(self._callback).__name__
            raise ValueError(
                f"{owner}: total_steps must be given where manual optimization does not step every optimizer once a "
                f"batch, got {self.steps} steps in {batches} batches. Pass total_steps= with the steps of the whole "
                "run, one number for each optimizer."
            )

    def _steps_of(self, trainer: "pl.Trainer") -> int:
        if len(trainer.optimizers) > 1:
            owner = type(self._callback).__name__
            raise RuntimeError(
                f"{owner}: the checkpoint must hold the steps of {len(trainer.optimizers)} optimizers, got none, for it "
                f"was saved without {owner}. Load its weights only and start a new fit."
            )
        return trainer.global_step

    def _after_step(self, index: int, optimizer: Optimizer, _args: object, _kwargs: object) -> None:
        if self._trainer is None or not is_listed(self._trainer, self._callback):
            return
        # A scaler leaves most optimizers uncalled on overflow; a fused one is called, told so, and skips by itself.
        found_inf: Any = vars(optimizer).get("found_inf")
        if found_inf is not None and found_inf.item():
            return
        self.steps[index] += 1
        self._on_step(index)
