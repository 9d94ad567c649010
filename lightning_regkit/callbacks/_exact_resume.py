"""A killed run that continues as if nothing had happened."""

import os
from typing import Any, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._durations import parse
from lightning_regkit._lightning import SigtermRelay, free_path, log_step, pl, refuse_other_namespace, say
from lightning_regkit.callbacks._continued_run import ContinuedRun

__all__ = ["ExactResume"]


@final
class ExactResume(ContinuedRun):
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
        TypeError: ``every`` is no duration; or in fit, a training loader draws through another sampler.
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
        self._period, self._unit = _period(every)
        self._sigterm = SigtermRelay()
        self._path = ""
        self._saved_step = 0
        self._has_begun = False

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        refuse_other_namespace("ExactResume", trainer)
        callbacks = trainer.checkpoint_callbacks
        if len(callbacks) > 1 and callbacks[0] is self:
            remedy = 'Lightning takes the first of them for ckpt_path="best".'
            raise ValueError(message("ExactResume", "position", "be after other checkpoint callbacks", 0, remedy))
        super().setup(trainer, pl_module, stage)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_start(trainer, pl_module)
        self._path = free_path(trainer, self.dirpath, self._fs.exists)
        self._saved_step, self._has_begun = log_step(trainer), True
        if self.on_sigterm:
            self._sigterm.attach(trainer)

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if self._unit == "step" and log_step(trainer) - self._saved_step >= self._period:
            self._write(trainer, self._path)

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self._unit == "ep" and (trainer.current_epoch + 1) % self._period == 0:
            self._write(trainer, self._path)

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._close()
        if not (self.on_sigterm and self._has_begun):
            return
        self._has_begun = False
        self._is_exact = isinstance(exception, pl.utilities.exceptions.SIGTERMException)
        if trainer.world_size > 1 and not self._is_exact:
            say("ExactResume", "one process failed, and a save needs all: go on from the last checkpoint.")
            return
        path = self._path if self._is_exact else self._path.replace(".ckpt", "-interrupted.ckpt")
        try:
            self._write(trainer, path)
        except Exception as failure:  # noqa: BLE001  # what ended the run must reach the user
            exception.add_note(f"ExactResume: the state could not be saved to {path}: {failure}")
        else:
            say("ExactResume", f'saved {path}; go on with fit(ckpt_path="last").')

    @override
    def _close(self) -> None:
        super()._close()
        self._sigterm.detach()

    def _write(self, trainer: "pl.Trainer", path: str) -> None:
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by Trainer.__init__
            self._saved_step = log_step(trainer)
            self.last_model_path = self.best_model_path = path
            trainer.save_checkpoint(path)


def _period(every: int | str | None) -> tuple[int, str]:
    if every is None:
        return 0, ""
    duration = parse(every, owner="ExactResume", argument="every")
    if duration.unit == "run" or duration.value.denominator != 1 or duration.value == 0:
        raise ValueError(message("ExactResume", "every", "be a whole number of steps or epochs", every))
    return int(duration.value), duration.unit
