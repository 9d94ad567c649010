"""One verdict for each evaluation, which saves and stops; how it goes on after a resume."""

from dataclasses import replace
from typing import Any

from typing_extensions import override

from lightning_regkit._lightning import CHECKPOINT_KEY, pl, say
from lightning_regkit._lightning._observed import ObservedMetric, position
from lightning_regkit.callbacks._cycle_patience import refuse_short_patience
from lightning_regkit.callbacks._kept_checkpoints import OWNER, Files, KeptCheckpoints
from lightning_regkit.stopping import Moment, Shelf, Stop, StoppingRule, StoppingState, judge, reason_to_stop

__all__ = ["JudgedRun"]


class JudgedRun(KeptCheckpoints):
    """Judges each value of the metric once, right after it is logged; what is done at the end is left to the subclass.

    Args:
        monitor: Name of the metric.
        rule: What is better, and when there has been enough of what is not.
        files: Which files are kept, and where.
    """

    def __init__(self, monitor: str, rule: StoppingRule, *, files: Files) -> None:
        super().__init__(monitor, rule.mode, files=files)
        self.stop = True
        self.rule = self._rule = rule
        self._metric = ObservedMetric(OWNER, monitor)
        self._state = StoppingState()
        self._is_resuming = self._is_restored = False
        self.best_epoch: int | None = None
        self.stopped: Stop | None = None

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        if stage == "fit":
            self._is_restored = False
            self._metric.start()
        super().setup(trainer, pl_module, stage)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_start(trainer, pl_module)
        if trainer.fit_loop.total_batch_idx < 0:
            self._forget()
        self.stopped = None
        limits = self.rule.limits
        epochs, steps = trainer.fit_loop.min_epochs or 0, trainer.fit_loop.min_steps or 0
        least = replace(limits, min_epochs=max(limits.min_epochs, epochs), min_steps=max(limits.min_steps, steps))
        self._rule = replace(self.rule, limits=least)
        self._metric.is_known = self._state.last is not None
        if self.stop:
            refuse_short_patience(self._rule, trainer)
            self._end(trainer, reason_to_stop(self._rule, self._state))

    @override
    def on_validation_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._check(trainer, self._metric.after_validation(trainer))

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._check(trainer, self._metric.after_epoch(trainer))

    @override
    def on_save_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        if self._is_restored:
            checkpoint.setdefault(CHECKPOINT_KEY, {})[OWNER] = "restored"

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._is_resuming = trainer.state.fn == "fit"
        if self._is_resuming:  # what an earlier fit left must not stand in for what a checkpoint lacks
            self._forget()
        if self._is_resuming and checkpoint.get(CHECKPOINT_KEY, {}).get(OWNER) == "restored":
            raise ValueError(
                f"{OWNER}: the checkpoint must hold the weights that its optimizer was at, got the best weights beside "
                'the last counters, saved after a fit. Pass ckpt_path="last", or load its weights and start a new fit.'
            )

    @override
    def state_dict(self) -> dict[str, Any]:
        own = {"stopping": self._state.plain(), "best_epoch": self.best_epoch, "settings": str(self.rule)}
        return {**super().state_dict(), **own}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if not self._is_resuming:
            return
        super().load_state_dict(state_dict)
        self._state, self.best_epoch = StoppingState.from_plain(state_dict["stopping"]), state_dict["best_epoch"]
        if state_dict["settings"] != str(self.rule):
            say(OWNER, f"goes on with {self.rule}; the checkpoint had {state_dict['settings']}.")

    def _check(self, trainer: "pl.Trainer", value: float | None) -> None:
        if value is None or trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by Trainer.__init__
            return
        epochs, steps = position(trainer)
        verdict = judge(self._rule, self._state, value, Moment(epochs, steps))
        self._state = verdict.state
        self.best_epoch = trainer.current_epoch if verdict.is_best else self.best_epoch
        self._store(trainer, value, is_best=verdict.is_best)
        self._end(trainer, verdict.stop if self.stop else None)

    def _end(self, trainer: "pl.Trainer", stop: Stop | None) -> None:
        self.stopped = stop
        if stop is not None:
            trainer.should_stop = True
            say(OWNER, f"stops: {stop.describe(str(self.monitor))}.")

    def _forget(self) -> None:
        self._state, self.best_epoch = StoppingState(), None
        self.last_model_path, self._written = "", set()
        self._set_shelf(Shelf())
