"""The base of callbacks that change training batches."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import BatchSeam, Example, Explained, Keys, pl

if TYPE_CHECKING:
    import numpy as np

__all__ = ["TrainingNoise"]


class TrainingNoise(pl.Callback, Explained, ABC):
    """Noise on training batches, through the batch seam; validation, sanity checks and trial runs never see it.

    Acts in ``on_after_batch_transfer`` of the module or DataModule that owns it, after their own override. Writes the
    batch. Saves its seed. Each rank, epoch and batch has a random stream of its own.
    """

    def __init__(self, keys: Keys) -> None:
        self._seam = BatchSeam(self, self.transform, keys)

    @abstractmethod
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        """Return the noisy example; the one given stays as it is, and all randomness comes from ``generator``."""

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._seam.attach(trainer, pl_module)

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._seam.detach()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._seam.detach()

    @override
    def on_save_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._seam.streams.save(trainer, checkpoint)

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._seam.streams.load(trainer, checkpoint)
