"""Hooks that do nothing are not entered; all others are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.profilers import PassThroughProfiler
from typing_extensions import override

from lightning_regkit import callbacks
from lightning_regkit._lightning._idle_hooks import HOOKS, drop_idle_hooks
from tests.support import Classifier, loader, trainer


class Base(pl.Callback):
    def __init__(self) -> None:
        self.seen: list[str] = []

    @override
    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        self.seen.append("base")


class Mixin:
    seen: list[str]

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        self.seen.append("mixin")


class Uses(Mixin, Base):
    @override
    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        self.seen.append("own")


drop_idle_hooks(Uses)


class Enters(PassThroughProfiler):
    def __init__(self) -> None:
        super().__init__()
        self.entered: list[str] = []

    @contextmanager
    @override
    def profile(self, action_name: str) -> Iterator[None]:
        self.entered.append(action_name)
        yield


def test_only_hooks_that_are_used_are_entered_in_a_batch() -> None:
    profiler, uses = Enters(), Uses()
    trainer(max_epochs=1, callbacks=[uses], profiler=profiler).fit(Classifier(), loader())
    batches = {name for name in profiler.entered if profiler.entered.count(name) == 5 and "Uses." in name}
    used = ("on_before_backward", "on_after_backward", "on_train_batch_end")
    assert batches == {f"[Callback]Uses.{name}" for name in used}
    assert uses.seen == ["base", "mixin", "own"] * 5
    assert all(callable(getattr(kind, name)) for kind in (Base, pl.Callback) for name in HOOKS)


@pytest.mark.parametrize("name", callbacks.__all__)
def test_no_callback_of_the_package_has_an_empty_one(name: str) -> None:
    kind = getattr(callbacks, name)
    empty = [getattr(base, hook) for base in (pl.Callback, ModelCheckpoint) for hook in HOOKS]
    assert not [hook for hook in HOOKS if getattr(kind, hook) in empty]
    assert kind.__final__, "a subclass could not call super()"
