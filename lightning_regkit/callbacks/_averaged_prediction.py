"""The base of callbacks that average predictions at test."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from lightning_regkit._checks import message, one_of
from lightning_regkit._lightning import PredictorSeam
from lightning_regkit.callbacks._evaluation_hooks import EvaluationHooks
from lightning_regkit.callbacks._predicted_samples import PredictedSamples
from lightning_regkit.callbacks._readout_keys import readout_keys
from lightning_regkit.marginalize import Readout, Uncertainty, refuse_probabilities
from lightning_regkit.marginalize._probabilities import refuse_single_scores

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._calls import Images
    from lightning_regkit._lightning._predictor import Predict

__all__ = ["READOUT", "AveragedPrediction"]

STAGES: Final = ("predict", "test", "validate")
READOUT: Final = Readout()


class AveragedPrediction(EvaluationHooks, ABC):
    """A test-time average, through the predictor seam.

    Acts on every batch of the chosen stages; ``"validate"`` means every validation loop, those inside fit too. Writes
    only the predictor's result. An evaluation batch that ends without an average raises ``NotAveragedError``. Averages
    nest by their level, whatever their order in the Trainer. On several processes it refuses what ``EverySample`` does.

    Args:
        owner: Public name of the callback.
        stages: Some of ``"validate"``, ``"test"``, ``"predict"``.
        readout: Names where they are unusual, and what is averaged.
    """

    #: Masks 0, views 1, members 2: of several averages the lowest is the innermost.
    level: ClassVar[int] = 0

    def __init__(self, owner: str, *, stages: Sequence[str] = ("test",), readout: Readout = READOUT) -> None:
        super().__init__(owner, [one_of(owner, "stages", stage, STAGES) for stage in stages])
        if not isinstance(readout, Readout):
            remedy = 'Write Readout(activation="sigmoid").'
            raise TypeError(message(owner, "readout", "be a Readout of lightning_regkit.marginalize", readout, remedy))
        self.readout = readout
        keys = readout_keys(owner, readout, needs_targets=False)
        predictor, logits_key = readout.predictor, readout.logits_key
        self._seam = PredictorSeam(self._average, keys, predictor=predictor, logits_key=logits_key, level=self.level)
        self._samples = PredictedSamples(readout.averaging)
        self._stage, self._is_checked = "", False

    @abstractmethod
    def average(self, predict: "Predict", inputs: "Images") -> "Tensor":
        """Return the averaged logits (B, K) of ``inputs`` (B, ...), by calls of ``predict``."""

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Mean and uncertainty of each sample of the last ``predict``, on this process; None inside another average."""
        return self._samples.uncertainty

    def mean(self, scores: "Iterable[Tensor]", weights: "Sequence[float] | None" = None) -> "Tensor":
        """Return the mean of scores (B, K) that ``readout`` asks for; in ``predict``, note how uncertain it is."""
        is_noted = self._stage == "predict" and self._seam.is_outermost
        return self._samples.mean(scores, weights, is_noted=is_noted)

    @override
    def _start(self, stage: str, pl_module: "pl.LightningModule") -> None:
        if stage in self.stages:
            self._refuse_mixed(pl_module.trainer, stage)
            self._stage, self._is_checked = stage, False
            self._samples = PredictedSamples(self.readout.averaging)
            self._seam.attach(pl_module)

    @override
    def _begin(self, pl_module: "pl.LightningModule", batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        self._seam.begin(batch)

    @override
    def _end(self, pl_module: "pl.LightningModule", batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        self._seam.end(pl_module)
        self._samples.end_batch()

    @override
    def _log(self, pl_module: "pl.LightningModule") -> None:
        """Nothing."""

    @override
    def _stop(self) -> None:
        self._seam.detach()

    def _average(self, predict: "Predict", inputs: "Images") -> "Tensor":
        return self.average(predict if self._is_checked else lambda images: self._checked(predict(images)), inputs)

    def _checked(self, scores: "Tensor") -> "Tensor":
        """Look once an evaluation, for it waits for the device."""
        if not self._is_checked and self.readout.activation == "softmax":
            refuse_single_scores(self._owner, scores)
            refuse_probabilities(self._owner, scores)
        self._is_checked = True
        return scores

    def _refuse_mixed(self, trainer: "pl.Trainer", stage: str) -> None:
        callbacks: Sequence[object] = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
        for other in callbacks:
            if isinstance(other, AveragedPrediction) and stage in other.stages:
                theirs, ours = other.readout.averaging, self.readout.averaging
                if theirs != ours:
                    name, found = type(other).__name__, f"{ours.activation!r} and {ours.space!r}"
                    condition = f"have the activation and space of {name}, {theirs.activation!r} and {theirs.space!r}"
                    remedy = "A mean of means is the mean of all only if both are of one kind."
                    raise ValueError(message(self._owner, "readout", condition, found, remedy))
