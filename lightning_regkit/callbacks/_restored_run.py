"""What a run leaves behind: the best weights in the module, the last ones on the disk."""

from functools import partial

from typing_extensions import override

from lightning_regkit._lightning import SigtermRelay, pl, say
from lightning_regkit._lightning._endings import ends_after_epoch, is_together, rescue
from lightning_regkit._lightning._weights import averaging, load_weights
from lightning_regkit.callbacks._exact_resume import ExactResume
from lightning_regkit.callbacks._judged_run import JudgedRun
from lightning_regkit.callbacks._kept_checkpoints import OWNER, Files
from lightning_regkit.stopping import StoppingRule

__all__ = ["RestoredRun"]


class RestoredRun(JudgedRun):
    """Restores the best weights at a normal end, and saves the current ones where the run is cut short.

    Args:
        monitor: Name of the metric.
        rule: What is better, and when there has been enough of what is not.
        files: Which files are kept, and where.
    """

    def __init__(self, monitor: str, rule: StoppingRule, *, files: Files) -> None:
        super().__init__(monitor, rule, files=files)
        self.restore = True
        self._is_running = self._is_swapped = self._is_over = False
        self._last_step: int | None = None
        self._sigterm = SigtermRelay()

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._is_over = self._is_swapped = False
        self._last_step = None
        super().on_train_start(trainer, pl_module)
        self._is_running = not trainer.fast_dev_run  # type: ignore[attr-defined]  # set by Trainer.__init__
        if self._is_running and _exact_resume(trainer) is None:
            self._sigterm.attach(trainer)

    @override
    def on_validation_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._is_swapped = self._is_running and averaging(trainer) is not None

    @override
    def on_validation_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._is_swapped = False

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self._is_running and self._loses_last(trainer) and ends_after_epoch(trainer):
            self._last_step = trainer.global_step
            self._store_last(trainer)

    @override
    def on_train_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        # Where another callback has ended the run after our last hook. An average is in the module by now.
        is_saved = self._last_step == trainer.global_step or averaging(trainer) is not None
        if self._is_running and self._loses_last(trainer) and not is_saved:
            self._store_last(trainer)

    @override
    def on_fit_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._is_over = True  # a finder that ends a fit early calls teardown as well

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        if stage == "fit" and self._is_over:
            self._close(trainer, pl_module)
        self._is_over = self._is_running = False
        self._sigterm.detach()
        super().teardown(trainer, pl_module, stage)

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._sigterm.detach()
        average, resume = averaging(trainer), _exact_resume(trainer)
        if average is not None and self._is_swapped:  # it and the weights it is made of have changed places
            average.on_validation_epoch_end(trainer, pl_module)
        if self._is_running and (resume is None or not resume.on_sigterm):
            if is_together(trainer, exception):
                rescue(OWNER, partial(self._store_last, trainer), exception)
            else:
                say(OWNER, "one process failed, and a save needs all: go on from the last checkpoint.")
        if self._is_running and self.best_model_path:
            say(OWNER, f"the best {self._best()}, is in {self.best_model_path}; the module holds the current weights.")
        self._is_running = self._is_swapped = False

    def _close(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if not self.best_model_path:
            return
        text = f"the best {self._best()}, is in {self.best_model_path}"
        if not self.restore:
            say(OWNER, f"{text}; the module holds the last weights.")
        elif self._fs.exists(self.best_model_path):
            load_weights(trainer, pl_module, self.best_model_path, is_ours=self.best_model_path in self._written)
            self._is_restored = True
            say(OWNER, f"{text}, and restored.")
        else:
            say(OWNER, f"{text}, which is gone: the module holds the last weights.")

    def _best(self) -> str:
        return f"{self.monitor}, {self._state.best:g} in epoch {self.best_epoch}"

    def _loses_last(self, trainer: "pl.Trainer") -> bool:
        resume = _exact_resume(trainer)
        return self.restore and (resume is None or resume.every is None)


def _exact_resume(trainer: "pl.Trainer") -> ExactResume | None:
    found = (callback for callback in trainer.callbacks if isinstance(callback, ExactResume))  # type: ignore[attr-defined]
    return next(found, None)
