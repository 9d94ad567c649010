"""The base of what follows a run: how many samples and seconds it has taken, and how fast it is."""

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import CHECKPOINT_KEY, pl
from lightning_regkit._lightning._batch import is_real_training
from lightning_regkit._lightning._fetching import FetchSeam
from lightning_regkit._lightning._logging_steps import global_samples
from lightning_regkit.monitoring import Throughput
from lightning_regkit.monitoring._position import Odometer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MeasuredRun"]


class MeasuredRun(pl.Callback):
    """Counts samples and seconds over all parts of a run, and the speed of this process, without its validations.

    Layers over two methods of the loop tell when data is waited for. Writes nothing. Saves both counts.

    Args:
        owner: Public name of the callback.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self.odometer, self.throughput = Odometer(), Throughput()
        self._fetching = FetchSeam(self, self.throughput.begin_wait, self.throughput.end_wait)
        self._saved: Mapping[str, Any] = {}

    def end(self) -> None:
        """Let go of the Trainer."""
        self._fetching.detach()
        self._saved = {}

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        is_new = trainer.fit_loop.total_batch_idx < 0
        earlier = {"samples": self.odometer.samples, "seconds": self.odometer.seconds} | dict(self._saved)
        self.odometer.start(**({} if is_new else earlier))
        self._saved = {}
        self.throughput.start()
        self._fetching.attach(trainer)

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self.throughput.resume()

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        self.throughput.resume()

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if is_real_training(trainer, self):
            samples = global_samples(trainer, batch)
            self.odometer.add(samples)
            self.throughput.add(samples)

    @override
    def on_validation_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self.throughput.pause()

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self.throughput.pause()

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self.end()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self.end()

    @override
    def on_save_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        counts = {"samples": self.odometer.samples, "seconds": self.odometer.seconds}
        checkpoint.setdefault(CHECKPOINT_KEY, {})[self._owner] = counts

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        if trainer.state.fn == "fit":  # not an evaluation
            self._saved = checkpoint.get(CHECKPOINT_KEY, {}).get(self._owner, {})
