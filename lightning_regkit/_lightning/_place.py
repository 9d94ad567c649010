"""Where in the run a checkpoint was saved, and how Lightning is made to go on from exactly there.

Lightning restores its counters and then infers what to do next, wrongly in several places: it drops a whole epoch when
saved as the epoch began, the validation and the end of the epoch when saved in the last batch, repeats a half-done
validation from its middle, and shifts the step of the loggers. ``settle`` rewrites the counters of the loaded
checkpoint, before Lightning reads them, so that the inference comes out right.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Place", "is_validation_due", "is_window_open", "log_step", "moment", "renumber", "settle"]

#: Counters of a progress tracker, and the trackers of the loops under their keys in a checkpoint.
Counters = dict[str, int]
Loops = dict[str, Any]

BATCHES, EPOCHS, VALIDATION = "epoch_loop.batch_progress", "epoch_progress", "epoch_loop.val_loop.batch_progress"


@final
@dataclass(frozen=True)
class Place:
    """Where a resumed run goes on.

    Args:
        epoch: 0-based epoch.
        batches: Training batches of it that are done.
        is_inside: The epoch had begun: its iterator and its running metrics belong to what was saved.
        is_over: No batch of it is left.
    """

    epoch: int
    batches: int
    is_inside: bool = False
    is_over: bool = False


def is_validation_due(trainer: "pl.Trainer") -> bool:
    """Tell whether a validation follows the training batch that just ended."""
    loop = trainer.fit_loop
    return bool(loop.epoch_loop._should_check_val_fx(loop._data_fetcher))  # type: ignore[arg-type]  # noqa: SLF001


def is_window_open(trainer: "pl.Trainer") -> bool:
    """Tell whether the batches done so far leave gradients that wait for the rest of their accumulation window."""
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress
    done = progress.current.processed
    is_over = progress.is_last_batch and progress.current.ready == done
    return done % trainer.accumulate_grad_batches != 0 and not is_over


def log_step(trainer: "pl.Trainer") -> int:
    """Count the batches that ended with a step, as loggers will see it in the next training batch.

    Unlike ``global_step`` it does not add up optimizers, and it counts raw ones.
    """
    loop: Any = trainer.fit_loop.epoch_loop
    is_batch_end = loop.batch_progress.current.processed > loop.batch_progress.current.completed
    is_counted_later = (is_batch_end or trainer.validating) and not is_window_open(trainer)
    return int(loop._batches_that_stepped + is_counted_later)  # noqa: SLF001  # nowhere public


def moment(trainer: "pl.Trainer") -> dict[str, Any]:
    """Describe the moment of a save, with what the counters of Lightning leave out.

    Args:
        trainer: In fit.

    Returns:
        Numbers and booleans: ``is_ending`` (the batch that just ended is followed by a validation or the end of the
        epoch), ``is_validation_due``, ``is_validating`` (a validation is under way), ``validated`` (its batches done),
        ``log_step`` (the step loggers see in the next training batch).
    """
    loop: Any = trainer.fit_loop.epoch_loop
    progress, validation = loop.batch_progress, loop.val_loop.batch_progress
    is_batch_end = progress.current.processed > progress.current.completed
    is_over = validation.is_last_batch and validation.current.completed == validation.current.ready
    is_due = is_batch_end and is_validation_due(trainer)
    return {
        "is_ending": is_due or (is_batch_end and progress.is_last_batch),
        "is_validation_due": is_due,
        "is_validating": trainer.validating and not is_over,
        "validated": validation.current.completed,
        "log_step": log_step(trainer),
    }


def settle(loops: Loops, saved: dict[str, Any]) -> Place:
    """Rewrite the counters of a loaded checkpoint, in place, so that Lightning goes on where the run was saved.

    Args:
        loops: ``checkpoint["loops"]["fit_loop"]``.
        saved: What ``moment`` said at the save.

    Returns:
        Where the data goes on. Settling twice changes nothing more.
    """
    epochs, progress = loops[EPOCHS]["current"], loops[BATCHES]
    current, total = progress["current"], progress["total"]
    if epochs["processed"] == epochs["ready"] or epochs["started"] < epochs["ready"]:  # between two epochs
        for counters in loops[EPOCHS].values():
            counters["completed"] = counters["processed"]
        _clear(current)
        progress["is_last_batch"] = False
        return Place(epochs["processed"], 0)
    _drop_unfinished(progress)
    if saved["is_validating"]:
        _repeat_validation(loops[VALIDATION], saved["validated"])
        saved["validated"] = 0
    elif current["processed"] > current["completed"] and saved["is_ending"]:
        current["completed"] += 1
        total["completed"] += 1
        if saved["is_validation_due"]:
            _repeat_validation(loops[VALIDATION], 0)
    return Place(epochs["processed"], current["processed"], is_inside=True, is_over=progress["is_last_batch"])


def _clear(counters: Counters) -> None:
    counters.update(dict.fromkeys(counters, 0))


def _drop_unfinished(progress: dict[str, Any]) -> None:
    """Take back a batch that was begun and not processed: it is trained on again."""
    current, total = progress["current"], progress["total"]
    if current["ready"] > current["processed"]:
        progress["is_last_batch"] = False
    for name in ("ready", "started"):
        total[name] -= current[name] - current["processed"]
        current[name] = current["processed"]


def _repeat_validation(progress: dict[str, Any], validated: int) -> None:
    """Make it look as if the first validation batch had only started: Lightning then runs the whole validation."""
    done = progress["total"]["completed"] - validated
    progress["total"].update(ready=done + 1, started=done + 1, processed=done, completed=done)
    _clear(progress["current"])
    progress["is_last_batch"] = False


def renumber(loops: Loops, batches: int) -> None:
    """Count the batches done in this epoch as ``batches``, where another number of processes has other batches."""
    current, total = loops[BATCHES]["current"], loops[BATCHES]["total"]
    change = batches - current["processed"]
    for counters in (current, total):
        counters.update({name: count + change for name, count in counters.items()})
