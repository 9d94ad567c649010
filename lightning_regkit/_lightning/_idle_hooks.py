"""Hooks of a training batch that a callback leaves empty, and what they cost."""

from typing import Final

from lightning_regkit._lightning._namespace import pl

__all__ = ["drop_idle_hooks"]

HOOKS: Final = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)


def drop_idle_hooks(*kinds: "type[pl.Callback]") -> None:
    """Take out of classes of callbacks the hooks of a batch that do nothing.

    Lightning opens a profiler around each hook of each callback in every batch, empty ones too, but passes over what it
    cannot call. For most callbacks that would cost more than all they do in a batch. ``ModelCheckpoint`` saves by steps
    after a batch, which counts as nothing too: none of ours leaves that to it.

    Args:
        kinds: Final classes: a subclass could not call the empty hook of its parent.

    Example:
        >>> class Greets(pl.Callback):
        ...     def on_train_batch_end(self, *_):
        ...         print("done")
        >>> drop_idle_hooks(Greets)
        >>> Greets.on_before_backward is None, callable(Greets.on_train_batch_end)
        (True, True)
    """
    for kind in kinds:
        for name in HOOKS:
            if getattr(kind, name) in (getattr(pl.Callback, name), getattr(pl.callbacks.ModelCheckpoint, name)):
                setattr(kind, name, None)
