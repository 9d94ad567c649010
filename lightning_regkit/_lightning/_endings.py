"""How a fit ends: whether it is about to, and what is saved when it is cut short."""

from collections.abc import Callable, Collection, Iterator
from itertools import count
from typing import TYPE_CHECKING

from lightning_regkit._lightning._namespace import pl
from lightning_regkit._lightning._ranks import say

__all__ = ["ends_after_epoch", "free_file", "is_together", "rescue", "versions"]

if TYPE_CHECKING:
    from typing import Any


def ends_after_epoch(trainer: "pl.Trainer") -> bool:
    """Tell whether the training epoch that ends now is the last, as far as is known in ``on_train_epoch_end``."""
    loop: Any = trainer.fit_loop
    is_full = 0 <= trainer.max_steps <= loop.epoch_loop.global_step
    is_over = loop.max_epochs is not None and 0 <= loop.max_epochs <= loop.epoch_progress.current.processed
    return bool(is_full or is_over or (trainer.should_stop and loop._can_stop_early))  # noqa: SLF001  # nowhere public


def versions(name: Callable[[int | None], str]) -> Iterator[str]:
    """Name a file, and then its first, second, ... version, for those that are taken."""
    yield name(None)
    yield from (name(version) for version in count(1))


def free_file(
    trainer: "pl.Trainer", paths: Iterator[str], *, ours: Collection[str], exists: Callable[[str], bool]
) -> str:
    """Agree on a path that no other run has written.

    Args:
        trainer: In fit; rank 0 looks.
        paths: Candidates.
        ours: Paths that may be overwritten.
        exists: Tells whether a file is there.

    Returns:
        The first that is ours or not there, the same on every rank.
    """
    if not trainer.is_global_zero:
        return trainer.strategy.broadcast("")
    return trainer.strategy.broadcast(next(path for path in paths if path in ours or not exists(path)))


def is_together(trainer: "pl.Trainer", exception: BaseException) -> bool:
    """Tell whether all processes end here, at the same place: a save needs all of them."""
    return trainer.world_size == 1 or isinstance(exception, pl.utilities.exceptions.SIGTERMException)


def rescue(owner: str, save: Callable[[], str], exception: BaseException) -> None:
    """Save the state of a run that is cut short, say so, and let what ended it reach the user.

    Args:
        owner: The callback's name, for the lines.
        save: Saves and returns the path.
        exception: What ended the run.
    """
    try:
        path = save()
    except Exception as failure:  # noqa: BLE001  # what ended the run is raised
        text = f"the state could not be saved: {failure}"
        exception.add_note(f"{owner}: {text}")
        say(owner, text)
    else:
        say(owner, f'saved {path}; go on with fit(ckpt_path="last").')
