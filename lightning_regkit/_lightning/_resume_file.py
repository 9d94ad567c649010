"""The file a run is resumed from: when it is written, under which name, and what is said when a run ends early."""

from collections.abc import Callable
from typing import TYPE_CHECKING, final

from lightning_regkit._checks import message
from lightning_regkit._durations import parse
from lightning_regkit._lightning._place import log_step
from lightning_regkit._lightning._ranks import free_path, say

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["ResumeFile"]


@final
class ResumeFile:
    """Writes one file over and over; another one where the state is not exactly that between two batches.

    Args:
        owner: Public name of the callback, for messages.
        every: ``"200step"`` (an integer counts steps), ``"1ep"``, or None for never.

    Raises:
        TypeError: ``every`` is no duration.
        ValueError: ``every`` is no whole number of steps or epochs.
    """

    def __init__(self, owner: str, every: int | str | None) -> None:
        self._owner = owner
        self._period, self._unit = _period(owner, every)
        self._saved_step = 0
        self.path = ""

    def begin(self, trainer: "pl.Trainer", folder: object, exists: Callable[[str], bool], step: int) -> None:
        """Choose the name at ``on_train_start``; counting starts at ``step``. A ``fast_dev_run`` leaves no files."""
        if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by Trainer.__init__
            return
        self.path = free_path(trainer, folder, exists)
        self._saved_step = step

    def end(self) -> None:
        """Forget the name: without one there is no state to save."""
        self.path = ""

    def is_due_after_batch(self, trainer: "pl.Trainer") -> bool:
        """Tell whether the steps since the last save fill the period."""
        return self.path != "" and self._unit == "step" and log_step(trainer) - self._saved_step >= self._period

    def is_due_after_epoch(self, trainer: "pl.Trainer") -> bool:
        """Tell whether the epoch that ends is one to save."""
        return self.path != "" and self._unit == "ep" and (trainer.current_epoch + 1) % self._period == 0

    def write(self, trainer: "pl.Trainer", path: str) -> None:
        """Save the state; a collective."""
        self._saved_step = log_step(trainer)
        trainer.save_checkpoint(path, weights_only=False)

    def rescue(self, trainer: "pl.Trainer", exception: BaseException, *, is_exact: bool) -> None:
        """Save the state of a run that ends early, say so, and let what ended it reach the user.

        Args:
            trainer: Past its first ``begin``.
            exception: What ended it.
            is_exact: Whether it stopped between two batches, all processes at the same ones.
        """
        if trainer.world_size > 1 and not is_exact:
            say(self._owner, "one process failed, and a save needs all: go on from the last checkpoint.")
            return
        path = self.path if is_exact else self.path.replace(".ckpt", "-interrupted.ckpt")
        try:
            self.write(trainer, path)
        except Exception as failure:  # noqa: BLE001  # what ended the run is raised
            text = f"the state could not be saved to {path}: {failure}"
            exception.add_note(f"{self._owner}: {text}")
            if isinstance(exception, SystemExit):  # Python prints no notes of it, and Lightning's SIGTERM is one
                say(self._owner, text)
        else:
            say(self._owner, f'saved {path}; go on with fit(ckpt_path="last").')


def _period(owner: str, every: int | str | None) -> tuple[int, str]:
    if every is None:
        return 0, ""
    duration = parse(every, owner=owner, argument="every")
    if duration.unit == "run" or duration.value.denominator != 1 or duration.value == 0:
        raise ValueError(message(owner, "every", "be a whole number of steps or epochs", every))
    return int(duration.value), duration.unit
