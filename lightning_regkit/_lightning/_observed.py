"""When a metric of a fit is due, wherever it is logged, and its value, the same on every rank."""

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from lightning_regkit._checks import message
from lightning_regkit._lightning._ranks import gather, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lightning_regkit._lightning._namespace import pl

__all__ = ["ObservedMetric", "number", "position", "score", "steps_between_checks"]


def score(value: float) -> "Tensor":
    """Return a value as Lightning keeps its scores: a tensor without dimensions."""
    return torch.tensor(value)


def number(value: "Tensor") -> float:
    """Return a logged value as it was meant: 0.95 in single precision is 0.95, not the 0.94999999 that it holds.

    The shortest decimal that gives the same bits; the order of any two values stays.
    """
    return value.item() if value.dtype == torch.float64 else float(str(np.float32(value.item())))


def position(trainer: "pl.Trainer") -> tuple[Fraction, int]:
    """Return how many epochs, exact, and how many optimizer steps are done; an epoch of unknown length counts whole.

    Args:
        trainer: In ``on_validation_end`` or ``on_train_epoch_end`` of a fit.
    """
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress
    batches = trainer.num_training_batches
    share = Fraction(progress.current.ready, int(batches)) if math.isfinite(batches) else Fraction(0)
    return trainer.current_epoch + (Fraction(1) if progress.is_last_batch else share), trainer.global_step


def steps_between_checks(trainer: "pl.Trainer", steps_per_epoch: int) -> int | None:
    """Count the optimizer steps from one check to the next; None where they follow the clock, or epochs have no end.

    Args:
        trainer: At ``on_train_start`` or later.
        steps_per_epoch: Optimizer steps in an epoch.
    """
    batches, every, epochs = trainer.num_training_batches, trainer.val_check_batch, trainer.check_val_every_n_epoch
    if not trainer.enable_validation:
        return steps_per_epoch
    if every is None or not math.isfinite(batches):
        return None
    if epochs is None or every < batches:
        return max(int(steps_per_epoch * every // batches), 1)
    return steps_per_epoch * epochs


@final
class ObservedMetric:
    """One metric, due after each validation that logs it; if none does, after each training epoch.

    Its value is that of the lowest rank that logged it. Ranks gather it at a check, at no other time.

    Args:
        owner: The callback's name, for messages.
        monitor: Name of the metric.
    """

    def __init__(self, owner: str, monitor: str) -> None:
        self._owner, self._monitor = owner, monitor
        self._is_validated = self._has_said = False
        #: Whether the metric has been seen in this run, and need not be logged at every check.
        self.is_known = False

    def start(self) -> None:
        """Begin a fit, before its sanity check."""
        self._is_validated = self._has_said = self.is_known = False

    def after_validation(self, trainer: "pl.Trainer") -> float | None:
        """Return the value that the validation that ends now has logged, None if it has not.

        Raises:
            ValueError: It has never been logged, and the epoch has no end at which it could be.
        """
        if trainer.state.fn != "fit":
            return None
        # What this validation logged, not what is left of earlier ones; nowhere public.
        metrics = trainer._logger_connector.metrics["callback"]  # noqa: SLF001
        value, names = self._agreed(trainer, metrics)
        self._is_validated = self._is_validated or value is not None
        if trainer.sanity_checking:  # which has said where the metric is logged: training may log one of the same name
            return None
        if value is None and not self.is_known and math.isinf(trainer.num_training_batches):
            raise self._unlogged(names)
        self.is_known = self.is_known or value is not None
        return value

    def after_epoch(self, trainer: "pl.Trainer") -> float | None:
        """Return the value of the training epoch that ends now, None if it is one that validations log.

        Raises:
            ValueError: It has never been logged, and a validation has been made if the run has any.
        """
        if self._is_validated:
            return None
        value, names = self._agreed(trainer, trainer.callback_metrics)
        is_awaited = trainer.enable_validation and not trainer.fit_loop.epoch_loop.val_loop._has_run  # noqa: SLF001
        if value is None and not self.is_known and not is_awaited:
            raise self._unlogged(names)
        self.is_known = self.is_known or value is not None
        return value

    def _agreed(self, trainer: "pl.Trainer", metrics: "Mapping[str, Tensor]") -> tuple[float | None, list[str]]:
        mine = number(metrics[self._monitor]) if self._monitor in metrics else None
        gathered = gather(trainer, (mine, sorted(metrics)))
        logged = [value for value, _ in gathered if value is not None]
        if not self._has_said and len({repr(value) for value, _ in gathered}) > 1:
            self._has_said = True
            say(self._owner, f"{self._monitor} differs between processes: the first one's counts. Pass sync_dist=True.")
        return (logged[0] if logged else None), gathered[0][1]

    def _unlogged(self, names: list[str]) -> ValueError:
        remedy = f"Logged are: {', '.join(names) or 'none'}."
        return ValueError(message(self._owner, "monitor", "name a metric that is logged", self._monitor, remedy))
