"""SIGTERM in several processes, delivered to all of them between the same two batches.

Lightning's own handler broadcasts from inside the signal handler, wherever each process happens to be, which pairs with
another process's unrelated collective. Ours only remembers the signal, and the processes agree on it where Lightning
broadcasts at the start of every training batch anyway, whichever of them it reached first.
"""

import signal
import threading
from typing import TYPE_CHECKING, Any, final

import torch

from lightning_regkit._lightning._override import Override

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from lightning_regkit._lightning._namespace import pl

__all__ = ["SigtermRelay"]


@final
class SigtermRelay:
    """Remembers SIGTERM until the batch is over, whichever process or loader's worker it reached first.

    With one process Lightning's own handler does that, but for the workers of a loader, which get a signal sent to the
    whole group as well: torch raises for a killed worker at once, in the middle of whatever is running.
    """

    def __init__(self) -> None:
        self._received = False
        self._trainer: pl.Trainer | None = None
        self._record: Override | None = None
        self._previous: Any = None
        self._on_child: Any = None

    def attach(self, trainer: "pl.Trainer") -> None:
        """Start at ``on_train_start``: Lightning registers its handler after ``on_fit_start``."""
        self.detach()
        self._received = False
        if threading.current_thread() is not threading.main_thread():
            return
        self._trainer = trainer
        self._on_child = signal.getsignal(signal.SIGCHLD)
        if callable(self._on_child):  # set by torch when it made the workers
            signal.signal(signal.SIGCHLD, self._child_ended)
        if trainer.world_size > 1:
            self._record = Override.push(trainer.fit_loop.epoch_loop, "_broadcast_sigterm_tensor", self._deliver)
            self._previous = signal.signal(signal.SIGTERM, self._remember)

    def detach(self) -> None:
        """Stop delivering; harmless when not started.

        With several processes our handler stays until Lightning puts back those from before the fit: a signal may reach
        this process later than the others, and Lightning's own would broadcast.
        """
        if self._trainer is not None and signal.getsignal(signal.SIGCHLD) == self._child_ended:
            signal.signal(signal.SIGCHLD, self._on_child)
        if self._record is not None and self._trainer is not None:
            self._record.pop(self._deliver)
            is_ours = signal.getsignal(signal.SIGTERM) == self._remember
            if is_ours and not self._trainer._signal_connector._original_handlers:  # noqa: SLF001  # nowhere public
                signal.signal(signal.SIGTERM, self._previous)
        self._record = self._trainer = None

    def ended_between_batches(self, trainer: "pl.Trainer") -> bool:
        """Tell whether another exception is SIGTERM too: the next batch could not be had of workers it has killed."""
        progress: Any = trainer.fit_loop.epoch_loop.batch_progress.current
        return self._received and trainer.world_size == 1 and progress.ready == progress.processed

    def _remember(self, _number: int, _frame: "FrameType | None") -> None:
        self._received = True

    def _child_ended(self, number: int, frame: "FrameType | None") -> None:
        try:
            self._on_child(number, frame)
        except RuntimeError as error:
            if "killed by signal: Terminated" not in str(error):
                raise
            self._received = True
            if self._trainer is not None and self._trainer.world_size == 1:
                self._trainer._signal_connector.received_sigterm = True  # noqa: SLF001  # nowhere public

    def _deliver(self, inner: "Callable[[], None]") -> None:
        if self._trainer is not None:
            received = torch.tensor(int(self._received), device=self._trainer.strategy.root_device)
            # Not the strategy's reduction, which puts a barrier before it.
            torch.distributed.all_reduce(received, op=torch.distributed.ReduceOp.MAX)
            if not received:
                return  # one collective in place of another
            self._trainer._signal_connector.received_sigterm = True  # noqa: SLF001  # what the broadcast reads
        inner()
