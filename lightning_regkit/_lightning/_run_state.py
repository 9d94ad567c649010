"""What a checkpoint of Lightning leaves out: random generators, running metrics, open gradients, the loggers' step."""

from typing import TYPE_CHECKING, Any, final

from torch import Tensor

from lightning_regkit._lightning._generators import burn_seeds, generator_states, restore_generators
from lightning_regkit._lightning._horizon import accumulation_scheduler
from lightning_regkit._lightning._meters import (
    Logged,
    log_results,
    logged_results,
    merge_results,
    metric_states,
    restore_metric_states,
)
from lightning_regkit._lightning._place import Place, is_validation_due, is_window_open, log_step, moment, settle
from lightning_regkit._lightning._ranks import gather

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["RunState"]


@final
class RunState:
    """Reads it at a save and puts it back, hook by hook, in a resumed run."""

    def __init__(self) -> None:
        self._place: Place | None = None
        self._own: dict[str, Any] | None = None
        self._log_step: int | None = None
        self._results: dict[str, Logged] = {}
        self._before_validation: dict[str, Any] = {}

    def save(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> dict[str, Any]:
        """Describe this moment; a collective over the ranks, each of which has its own noise.

        Returns:
            Tensors, numbers, strings, lists, tuples and dicts only.
        """
        now = moment(trainer)
        own = {
            **_volatile(trainer, pl_module),
            "results": logged_results(trainer),
            "callback_metrics": {key: value.detach().cpu() for key, value in _callback_metrics(trainer).items()},
            "gradients": _gradients(trainer, pl_module),
        }
        if now["is_validating"]:  # it is repeated from its beginning
            own.update(self._before_validation)
        is_open = pl_module.automatic_optimization and is_window_open(trainer)
        ranks = gather(trainer, own)
        return {"moment": now, "is_window_open": is_open, "world_size": trainer.world_size, "ranks": ranks}

    def load(self, trainer: "pl.Trainer", loops: dict[str, Any], saved: dict[str, Any]) -> Place:
        """Take what ``save`` returned at ``on_load_checkpoint``, and settle the loops of that checkpoint."""
        self._place = settle(loops, saved["moment"])
        is_same_world = saved["world_size"] == trainer.world_size
        self._own = saved["ranks"][trainer.global_rank] if is_same_world else None
        self._log_step = saved["moment"]["log_step"]
        return self._place

    def start_fit(self, trainer: "pl.Trainer") -> None:
        """Put the generators back at ``on_fit_start``: the iterator of a fresh epoch draws from them."""
        if self._own is not None:
            restore_generators(self._own["generators"], trainer.strategy.root_device)

    def start_training(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", draws: int) -> None:
        """Put the rest back at ``on_train_start``.

        Args:
            trainer: In fit; its iterators of the training data exist.
            pl_module: The module trained.
            draws: How many of these iterators draw a seed from torch's generator whenever an epoch begins.
        """
        own, self._own = self._own, None
        if self._place is not None and self._place.is_inside:
            draws = 0  # the iterators of this epoch were made before the save
            _schedule_accumulation(trainer)
            if own is not None:
                self._before_validation = {name: own[name] for name in ("generators", "metrics", "validation_steps")}
                self._results = dict(own["results"])
        if own is not None:
            _restore_gradients(pl_module, own["gradients"])
            restore_metric_states(pl_module, own["metrics"])
            _validation_steps(trainer).update(own["validation_steps"])
            _callback_metrics(trainer).update(own["callback_metrics"])
            restore_generators(own["generators"], trainer.strategy.root_device)
            burn_seeds(draws)

    def next_log_step(self, trainer: "pl.Trainer") -> int:
        """Return the step loggers will see in the next training batch, before ``start_batch`` has corrected it too."""
        return log_step(trainer) if self._log_step is None else self._log_step

    def start_batch(self, trainer: "pl.Trainer") -> None:
        """Correct what Lightning has inferred of the loggers' step, at the first ``on_train_batch_start``."""
        if self._log_step is not None:
            trainer.fit_loop.epoch_loop._batches_that_stepped = self._log_step  # noqa: SLF001  # nowhere public
        self._log_step = self._place = None

    def end_epoch(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Log the epoch's earlier sums that nothing was added to, at ``on_train_epoch_end``."""
        self.start_batch(trainer)  # there was none if the epoch's data was used up
        log_results(pl_module, self._results)

    def end_batch(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Add the epoch's earlier sums at ``on_train_batch_end``; remember the state that a validation starts from."""
        if self._results:
            merge_results(trainer, self._results)
        if is_validation_due(trainer):
            self._before_validation = _volatile(trainer, pl_module)


def _volatile(trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> dict[str, Any]:
    """Copy what a validation changes too."""
    return {
        "generators": generator_states(trainer.strategy.root_device),
        "metrics": metric_states(trainer, pl_module),
        "validation_steps": dict(_validation_steps(trainer)),
    }


def _validation_steps(trainer: "pl.Trainer") -> dict[int, int]:
    """Return the step at which loggers see the next validation batch, by loader."""
    return trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader  # noqa: SLF001  # nowhere public


def _callback_metrics(trainer: "pl.Trainer") -> dict[str, Tensor]:
    """Return the metrics callbacks monitor, as last stored: the public property would average an open epoch."""
    return trainer._logger_connector._callback_metrics  # noqa: SLF001  # nowhere public


def _gradients(trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> list[Tensor | None] | None:
    """Copy the gradients that the next steps build on: an open window's, and all under manual optimization."""
    if pl_module.automatic_optimization and not is_window_open(trainer):
        return None
    return [None if each.grad is None else each.grad.detach().cpu() for each in pl_module.parameters()]


def _restore_gradients(pl_module: "pl.LightningModule", gradients: list[Tensor | None] | None) -> None:
    for parameter, gradient in zip(pl_module.parameters(), gradients or (), strict=False):
        parameter.grad = None if gradient is None else gradient.to(parameter.device)


def _schedule_accumulation(trainer: "pl.Trainer") -> None:
    """Do what Lightning's scheduler does as an epoch starts, which a run resumed inside of it skips."""
    scheduler = accumulation_scheduler(trainer)
    if scheduler is not None:
        trainer.accumulate_grad_batches = scheduler.get_accumulate_grad_batches(trainer.current_epoch)
