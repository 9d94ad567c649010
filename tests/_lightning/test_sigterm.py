"""SIGTERM with several processes is only remembered, and delivered where Lightning broadcasts it."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from typing_extensions import override

from lightning_regkit._lightning import SigtermRelay
from tests.support import Classifier, loader, trainer


def ignore(*_: object, **__: object) -> None:
    """Stand for the handler that was there, and for a collective."""


@pytest.fixture(autouse=True)
def handler() -> Iterator[Any]:
    """Install a handler, so that a signal that slips through ends no test run."""
    before = signal.signal(signal.SIGTERM, ignore)
    yield ignore
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this is rank 0 of two; nobody else takes part in its collectives."""
    monkeypatch.setattr(pl.Trainer, "world_size", property(lambda _: 2))
    for name in ("all_reduce", "broadcast", "barrier"):
        monkeypatch.setattr(torch.distributed, name, ignore)


def test_with_one_process_lightning_s_handler_stays() -> None:
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    relay.attach(run)
    assert signal.getsignal(signal.SIGTERM) is ignore
    assert "_broadcast_sigterm_tensor" not in vars(run.fit_loop.epoch_loop)
    relay.detach()
    assert signal.getsignal(signal.SIGTERM) is ignore


@pytest.mark.usefixtures("two_processes")
def test_a_signal_is_remembered_until_the_broadcast() -> None:
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    loop = run.fit_loop.epoch_loop
    relay.attach(run)
    assert signal.getsignal(signal.SIGTERM) is not ignore
    loop._broadcast_sigterm_tensor()
    os.kill(os.getpid(), signal.SIGTERM)
    assert not run.received_sigterm, "it only counts where all processes are"
    with pytest.raises(SIGTERMException):
        loop._broadcast_sigterm_tensor()
    assert run.received_sigterm

    for _ in range(2):
        relay.detach()
        assert signal.getsignal(signal.SIGTERM) is ignore
        assert "_broadcast_sigterm_tensor" not in vars(loop)


@pytest.mark.usefixtures("two_processes")
def test_a_signal_of_another_process_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    calls: list[tuple[str, int]] = []

    def all_reduce(flag: torch.Tensor, op: Any) -> None:
        assert op == torch.distributed.ReduceOp.MAX
        calls.append(("all_reduce", flag.item()))
        flag.fill_(len(calls) == 2)

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    for name in ("broadcast", "barrier"):
        monkeypatch.setattr(torch.distributed, name, lambda *_, name=name, **__: calls.append((name, 0)))
    relay.attach(run)
    run.fit_loop.epoch_loop._broadcast_sigterm_tensor()
    assert (calls, run.received_sigterm) == ([("all_reduce", 0)], False), "one collective a batch"
    with pytest.raises(SIGTERMException):
        run.fit_loop.epoch_loop._broadcast_sigterm_tensor()
    assert calls[1:] == [("all_reduce", 0), ("broadcast", 0), ("barrier", 0)], "Lightning's own end, on all"
    relay.detach()


@pytest.mark.usefixtures("two_processes")
def test_a_new_fit_starts_without_the_old_signal() -> None:
    relay, first, second = SigtermRelay(), trainer(max_epochs=1), trainer(max_epochs=1)
    relay.attach(first)
    os.kill(os.getpid(), signal.SIGTERM)
    relay.attach(second)
    assert "_broadcast_sigterm_tensor" not in vars(first.fit_loop.epoch_loop)
    second.fit_loop.epoch_loop._broadcast_sigterm_tensor()
    assert not second.received_sigterm
    relay.detach()
    assert signal.getsignal(signal.SIGTERM) is ignore


@pytest.mark.usefixtures("two_processes")
def test_a_layer_that_outlives_the_relay_delivers_nothing() -> None:
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    relay.attach(run)
    _, layer = vars(run.fit_loop.epoch_loop)["_broadcast_sigterm_tensor"]._layers[0]
    os.kill(os.getpid(), signal.SIGTERM)
    relay.detach()
    called: list[bool] = []
    layer(lambda: called.append(True))
    assert called == [True]
    assert not run.received_sigterm


@pytest.mark.usefixtures("two_processes")
def test_another_thread_cannot_have_handlers() -> None:
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    thread = threading.Thread(target=relay.attach, args=(run,))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is ignore
    assert "_broadcast_sigterm_tensor" not in vars(run.fit_loop.epoch_loop)
    relay.detach()


@pytest.mark.usefixtures("two_processes")
def test_in_a_fit_the_signal_ends_the_run_before_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(pl.Callback):
        def __init__(self) -> None:
            self.relay = SigtermRelay()
            self.ended: list[int] = []
            self.after: Any = None

        @override
        def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            monkeypatch.setattr(pl.Trainer, "world_size", property(lambda _: 2))
            self.relay.attach(trainer)
            monkeypatch.setattr(pl.Trainer, "world_size", property(lambda _: 1))
            # What Lightning does before a batch where there are several processes.
            monkeypatch.setattr(
                type(trainer.strategy),
                "on_train_batch_start",
                lambda *_: trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor(),
            )

        @override
        def on_train_batch_end(self, trainer: pl.Trainer, *arguments: Any) -> None:
            self.ended.append(trainer.fit_loop.batch_idx)
            if self.ended == [0, 1]:
                os.kill(os.getpid(), signal.SIGTERM)
                assert not trainer.received_sigterm

        @override
        def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
            ours = signal.getsignal(signal.SIGTERM)
            self.relay.detach()
            self.relay.detach()
            assert signal.getsignal(signal.SIGTERM) is ours, "a late signal must not broadcast"
            assert ours is not ignore
            self.after = exception

    killed, model = Killed(), Classifier()
    with pytest.raises(SIGTERMException):
        trainer(max_epochs=1, callbacks=[killed]).fit(model, loader())
    assert killed.ended == [0, 1]
    assert isinstance(killed.after, SIGTERMException)
    assert signal.getsignal(signal.SIGTERM) is ignore


@pytest.fixture
def on_child() -> Iterator[list[str]]:
    """Install a handler for ended children that raises what it holds, as torch does for its workers."""
    texts: list[str] = []

    def raising(*_: object) -> None:
        raise RuntimeError(texts[0])

    before = signal.signal(signal.SIGCHLD, raising)
    yield texts
    signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_worker_that_sigterm_killed_counts_as_the_signal(
    on_child: list[str], world_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pl.Trainer, "world_size", property(lambda _: world_size))
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    before = signal.getsignal(signal.SIGCHLD)
    relay.attach(run)
    assert not relay.ended_between_batches(run)
    on_child.append("DataLoader worker (pid 7) is killed by signal: Terminated. ")
    os.kill(os.getpid(), signal.SIGCHLD)
    assert run.received_sigterm is (world_size == 1), "several processes agree first"
    assert relay.ended_between_batches(run) is (world_size == 1)
    relay.detach()
    assert signal.getsignal(signal.SIGCHLD) is before
    with pytest.raises(RuntimeError, match="Terminated"):
        os.kill(os.getpid(), signal.SIGCHLD)


def test_a_worker_that_something_else_killed_is_an_error(on_child: list[str]) -> None:
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    relay.attach(run)
    on_child.append("DataLoader worker (pid 7) is killed by signal: Killed. ")
    with pytest.raises(RuntimeError, match="Killed"):
        os.kill(os.getpid(), signal.SIGCHLD)
    assert not run.received_sigterm
    relay.detach()


def test_a_signal_inside_a_batch_is_not_between_two(on_child: list[str]) -> None:
    relay, run = SigtermRelay(), trainer(max_epochs=1)
    relay.attach(run)
    on_child.append("DataLoader worker (pid 7) is killed by signal: Terminated. ")
    os.kill(os.getpid(), signal.SIGCHLD)
    run.fit_loop.epoch_loop.batch_progress.increment_ready()
    assert not relay.ended_between_batches(run)
    relay.detach()
