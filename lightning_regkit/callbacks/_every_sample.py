"""The base of callbacks whose evaluation must count every sample once."""

from abc import ABC
from collections.abc import Collection
from typing import Any

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import evaluation_samplers, pl, refuse_uneven_logs
from lightning_regkit.samplers import surplus

__all__ = ["EverySample"]


class EverySample(pl.Callback, ABC):
    """Refuses on several processes what would make validation or test differ from those of one.

    Before the first batch, in a fit before its first step: samplers that repeat or drop samples. After the first batch
    of a loader: logging that would hang or give a wrong mean where processes have unequal shares. Prediction needs
    neither: Lightning deals its data without repeats, and it logs nothing.

    Args:
        owner: Public name of the callback.
        stages: Stages to look at: ``"validate"``, in fit too, and ``"test"``.
    """

    def __init__(self, owner: str, stages: Collection[str]) -> None:
        self.stages = tuple(stages)
        self._owner = owner

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._refuse_surplus(trainer, "validate")

    @override
    def on_validation_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._refuse_surplus(trainer, "validate")

    @override
    def on_test_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._refuse_surplus(trainer, "test")

    @override
    def on_validation_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._refuse_logs(trainer, "validate", *batch)

    @override
    def on_test_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._refuse_logs(trainer, "test", *batch)

    def _refuse_surplus(self, trainer: "pl.Trainer", stage: str) -> None:
        if stage not in self.stages or trainer.world_size == 1:
            return
        for sampler in evaluation_samplers(trainer, stage):
            count = surplus(sampler)
            if count:
                loader = "test_dataloader" if stage == "test" else "val_dataloader"
                found = f"{abs(count)} {'repeated' if count > 0 else 'dropped'} by {type(sampler).__name__}"
                remedy = "Pass DataLoader(dataset, ..., sampler=ExactDistributedSampler(dataset))."
                raise ValueError(message(self._owner, loader, "give every sample once", found, remedy))

    def _refuse_logs(self, trainer: "pl.Trainer", stage: str, *batch: Any) -> None:
        _outputs, _batch, batch_idx, dataloader_idx = (*batch, 0)[:4]  # Lightning gives no index to a single loader
        if stage in self.stages and batch_idx == 0:
            refuse_uneven_logs(self._owner, trainer, stage, dataloader_idx)
