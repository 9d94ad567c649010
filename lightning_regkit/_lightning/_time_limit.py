"""The time limit of a training: Lightning keeps ``max_time`` in a ``Timer``, which stops the run after a batch."""

from typing import TYPE_CHECKING, Any

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["elapsed_s", "refuse_untimely", "time_limit"]


def time_limit(trainer: "pl.Trainer") -> float | None:
    """Return the seconds that training may take; None where nothing limits them.

    Args:
        trainer: In a fit, or before it.
    """
    timer = _timer(trainer)
    return None if timer is None else float(timer.time_remaining("train") + timer.time_elapsed("train"))


def elapsed_s(trainer: "pl.Trainer") -> float:
    """Read the clock of the first process, for all of them: decisions that follow from it are the same everywhere.

    Args:
        trainer: In a fit with a time limit, from its first batch on; every process asks.

    Returns:
        Seconds of training so far, validations and all; those of a resumed run go on where its checkpoint was saved.
    """
    timer = _timer(trainer)
    assert timer is not None, "there is a time limit"  # noqa: S101  # for the type checker
    return trainer.strategy.broadcast(float(timer.time_elapsed("train")))


def refuse_untimely(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse fits that Lightning would not end at their time limit, if they have one.

    Args:
        owner: The callback's name, for the message.
        trainer: In a fit, or before it.

    Raises:
        ValueError: The clock has stopped with an earlier fit; or so many steps or epochs are made in any case.
    """
    timer = _timer(trainer)
    if timer is None:
        return
    if timer.end_time("train") is not None:
        remedy = "Make a new Trainer: Lightning's Timer stands still in a second fit."
        raise ValueError(message(owner, "max_time", "be that of a Trainer's first fit", "a later one", remedy))
    least = {"min_steps": trainer.min_steps, "min_epochs": trainer.min_epochs}
    for name, value in least.items():
        if value:
            remedy = "Lightning goes on past the time limit until then."
            raise ValueError(message(owner, name, "be left out with max_time", value, remedy))


def _timer(trainer: "pl.Trainer") -> Any | None:
    """Find it by name: either distribution's may be in either's Trainer."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by the callback connector
        is_timer = any(base.__name__ == "Timer" for base in type(callback).__mro__)
        if is_timer and callback.time_remaining("train") is not None:  # it may only measure
            return callback
    return None
