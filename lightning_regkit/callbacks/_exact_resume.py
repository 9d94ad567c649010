"""A killed run that continues as if nothing had happened."""

import os
from typing import Any, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import Explained, Plan, ResumeFile, SigtermRelay, pl, refuse_other_namespace
from lightning_regkit._lightning._restart import refuse_sharded
from lightning_regkit.callbacks._continued_run import ContinuedRun

__all__ = ["ExactResume"]


@final
class ExactResume(ContinuedRun, Explained):
    """Make every checkpoint of the run resumable exactly, and write one often enough to be killed at any time.

    ``fit(ckpt_path="last")`` goes on where the run stopped, in the middle of an epoch, an accumulation window or a
    validation, with the bits it would have had. Training loaders draw through ``ResumableSampler``.

    A ``ModelCheckpoint`` to the outside, with one file, ``dirpath/resume.ckpt``. Adds to every checkpoint the random
    generators of each rank, running metrics, the gradients of an open window; puts them back in ``on_fit_start`` and
    ``on_train_start``. Ranks gather their states at a save, at no other time.

    Args:
        every: How often to save: ``"200step"`` (optimizer steps), ``"1ep"``, or None for never: other callbacks then
            write the checkpoints.
        on_sigterm: Whether SIGTERM saves the current state before the run ends, and an exception does too.
        dirpath: Folder of the file, one for each run: ``ckpt_path="last"`` takes the newest that is in it.

    Raises:
        TypeError: ``every`` is no duration; or in fit, the strategy shards weights, or a training loader draws through
            another sampler.
        ValueError: ``every`` is no whole number of steps or epochs; or in fit, the checkpoint does not fit this run.

    Example:
        >>> import lightning_regkit as rk
        >>> resume = rk.callbacks.ExactResume(every="200step")  # Trainer(callbacks=[resume, ...])
        >>> # trainer.fit(module, ckpt_path="last", weights_only=True)
    """

    CHECKPOINT_NAME_LAST = "resume"

    def __init__(
        self,
        every: int | str | None = "1ep",
        *,
        on_sigterm: bool = True,
        dirpath: str | os.PathLike[str] = "checkpoints",
    ) -> None:
        super().__init__(os.fspath(dirpath))
        self.every = every
        self.on_sigterm = on_sigterm
        self._file = ResumeFile("ExactResume", every)
        self._sigterm = SigtermRelay()

    @override
    def explain(self, plan: Plan) -> str:
        path = os.path.join(str(self.dirpath), f"{self.CHECKPOINT_NAME_LAST}.ckpt")
        saves = f"saves {path} every {self.every}" if self.every else "saves by itself never, adds to every checkpoint"
        return saves + (", on SIGTERM and on an exception" if self.on_sigterm else "")

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        refuse_other_namespace("ExactResume", trainer)
        if stage == "fit":
            refuse_sharded("ExactResume", trainer)
        callbacks = trainer.checkpoint_callbacks
        if len(callbacks) > 1 and callbacks[0] is self:
            remedy = 'Lightning takes the first of them for ckpt_path="best".'
            raise ValueError(message("ExactResume", "position", "be after other checkpoint callbacks", 0, remedy))
        super().setup(trainer, pl_module, stage)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_start(trainer, pl_module)
        self._file.begin(trainer, self.dirpath, self._fs.exists, self._run.next_log_step(trainer))
        if self.on_sigterm:
            self._sigterm.attach(trainer)

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if self._file.is_due_after_batch(trainer):
            self._write(trainer)

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self._file.is_due_after_epoch(trainer):
            self._write(trainer)

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._close()
        if self.on_sigterm and self._file.path:
            is_sigterm = isinstance(exception, pl.utilities.exceptions.SIGTERMException)
            self._is_exact = is_sigterm or self._sigterm.ended_between_batches(trainer)
            self._file.rescue(trainer, exception, is_exact=self._is_exact)
        self._file.end()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        super().teardown(trainer, pl_module, stage)
        self._file.end()

    @override
    def _close(self) -> None:
        super()._close()
        self._sigterm.detach()

    def _write(self, trainer: "pl.Trainer") -> None:
        self.last_model_path = self.best_model_path = self._file.path
        self._file.write(trainer, self._file.path)
