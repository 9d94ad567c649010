"""The base of callbacks that learn from what layers see in some of the steps."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import pl
from lightning_regkit._lightning._gradients import load_part, refuse_closure, save_part
from lightning_regkit.optim.kfac._factors import Moments, pool
from lightning_regkit.optim.kfac._recorder import Recorder

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit.optim.kfac._layers import KroneckerLayer

__all__ = ["LayerMoments"]


class LayerMoments(pl.Callback, ABC):
    """Moments of layers over whole steps, all micro-batches and ranks together; none in steps that are not due.

    Hooks stay on the layers from ``on_train_batch_start`` to ``on_before_optimizer_step`` of the same step. Writes
    nothing. Saves each rank's part of an open accumulation window.

    Args:
        owner: Public name of the callback.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._recorder = Recorder({})
        self._part: dict[str, Any] | None = None
        self._has_stepped = False
        self._is_resuming = True

    @property
    @abstractmethod
    def is_due(self) -> bool:
        """Whether the step that begins is to be recorded."""

    def observe(self, layers: Mapping[str, "KroneckerLayer"]) -> None:
        """Name the layers, in ``on_fit_start``."""
        self._recorder = Recorder(layers)

    def take(self, trainer: "pl.Trainer", optimizer: "Optimizer") -> dict[str, Moments]:
        """Return the moments of the step, in ``on_before_optimizer_step``; a collective in steps that are due.

        Returns:
            Sums by layer; empty in a step that is not due.

        Raises:
            ValueError: ``optimizer`` evaluates its closure a second time.
        """
        if self._has_stepped:
            refuse_closure(self._owner, optimizer)
        self._has_stepped = True
        return pool(self._recorder.take(), trainer.strategy.reduce) if self._recorder.is_open else {}

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if self._part is not None:
            self._recorder.load(self._part)
        self._part = None

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        self._has_stepped = False
        if self.is_due:
            self._recorder.attach()

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._recorder.detach()  # the sums stay, for checkpoint callbacks come next

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._recorder.take()

    @override
    def on_save_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        if self._recorder.is_open:
            save_part(self._owner, trainer, checkpoint, self._recorder.state())

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._is_resuming = trainer.state.fn == "fit"
        if self._is_resuming:
            self._part = load_part(self._owner, trainer, checkpoint)
