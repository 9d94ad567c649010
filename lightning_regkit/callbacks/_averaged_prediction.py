"""The base of callbacks that average predictions at test."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from lightning_regkit._checks import one_of
from lightning_regkit._lightning import Keys, PredictorSeam
from lightning_regkit.callbacks._every_sample import EverySample

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._predictor import Predict

__all__ = ["AveragedPrediction"]

STAGES: Final = ("predict", "test", "validate")


class AveragedPrediction(EverySample, ABC):
    """A test-time average, through the predictor seam.

    Acts on every batch of the chosen stages; ``"validate"`` means every validation loop, those inside fit too. Writes
    only the predictor's result. An evaluation batch that ends without an average raises ``NotAveragedError``.
    On several processes it refuses what ``EverySample`` does.

    Args:
        keys: Where the inputs are in an evaluation batch.
        stages: Some of ``"validate"``, ``"test"``, ``"predict"``.
        predictor: Dotted name of the submodule that maps inputs to logits, where it is not found by itself.
        logits_key: Where the logits are, if the predictor returns a mapping.
    """

    def __init__(
        self, keys: Keys, *, stages: Sequence[str] = ("test",), predictor: str | None = None, logits_key: str = "logits"
    ) -> None:
        super().__init__(keys.owner, [one_of(keys.owner, "stages", stage, STAGES) for stage in stages])
        self._seam = PredictorSeam(self.average, keys, predictor=predictor, logits_key=logits_key)

    @abstractmethod
    def average(self, predict: "Predict", inputs: "Tensor") -> "Tensor":
        """Return the averaged logits (B, K) of ``inputs`` (B, ...), by calls of ``predict``."""

    def _start(self, stage: str, pl_module: "pl.LightningModule") -> None:
        if stage in self.stages:
            self._seam.attach(pl_module)

    @override
    def on_validation_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_validation_start(trainer, pl_module)
        self._start("validate", pl_module)

    @override
    def on_test_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_test_start(trainer, pl_module)
        self._start("test", pl_module)

    @override
    def on_predict_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._start("predict", pl_module)

    @override
    def on_validation_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, *_: Any
    ) -> None:
        self._seam.begin(batch)

    @override
    def on_test_batch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, *_: Any) -> None:
        self._seam.begin(batch)

    @override
    def on_predict_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, *_: Any
    ) -> None:
        self._seam.begin(batch)

    @override
    def on_validation_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._seam.end(pl_module)
        super().on_validation_batch_end(trainer, pl_module, *batch)

    @override
    def on_test_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        self._seam.end(pl_module)
        super().on_test_batch_end(trainer, pl_module, *batch)

    @override
    def on_predict_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *_: Any) -> None:
        self._seam.end(pl_module)

    @override
    def on_validation_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._seam.detach()

    @override
    def on_test_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._seam.detach()

    @override
    def on_predict_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._seam.detach()

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._seam.detach()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._seam.detach()
