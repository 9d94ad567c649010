"""The mean over masks at test."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

from typing_extensions import override

from lightning_regkit._checks import message, positive_int
from lightning_regkit._lightning import Explained, Plan, say
from lightning_regkit._lightning._evaluation_noise import EvaluationNoise
from lightning_regkit.callbacks._averaged_prediction import READOUT, AveragedPrediction
from lightning_regkit.marginalize import Readout
from lightning_regkit.regularizers import noise_layers, sampling

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._calls import Images
    from lightning_regkit._lightning._predictor import Predict

__all__ = ["MonteCarloDropout"]

OWNER: Final = "MonteCarloDropout"


@final
class MonteCarloDropout(AveragedPrediction, Explained):
    """Test the mean of what the network predicts with its own noise switched on.

    Each batch goes ``num_samples`` times through the network, with other masks, and the module's own metrics are those
    of the mean. Only layers of noise are switched on: the dropout family, DropConnect, stochastic depth, fractional
    pooling; BatchNorm keeps its fixed statistics. Masks are keyed by seed (``PL_GLOBAL_SEED``, else 0), rank, batch,
    sample, and by the view and member of averages around it: a rerun is identical, and the user's own generators are
    as before. Acts in the chosen stages. Writes the noise layers' mode during the calls; saves nothing.

    Args:
        num_samples: Masks for each prediction, >= 1.
        stages: Some of ``"validate"`` (those inside fit too), ``"test"``, ``"predict"``.
        readout: Names in batches and module where they are unusual, and what is averaged; None for ``Readout()``.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or in an evaluation, the module holds no layer of noise.
        NotAveragedError: In an evaluation, the step did not call its predictor on the batch's inputs.

    Example:
        >>> import lightning_regkit as rk
        >>> masks = rk.callbacks.MonteCarloDropout(num_samples=16)  # Trainer(callbacks=[masks]).test(module, loader)

    Reference:
        Gal and Ghahramani, "Dropout as a Bayesian Approximation", ICML 2016, section 4.
    """

    level: ClassVar[int] = 0

    def __init__(
        self, num_samples: int = 16, *, stages: Sequence[str] = ("test", "predict"), readout: Readout | None = None
    ) -> None:
        self.num_samples = positive_int(OWNER, "num_samples", num_samples)
        super().__init__(OWNER, stages=stages, readout=readout or READOUT)
        self._noise = EvaluationNoise(OWNER)
        self._layers: dict[str, nn.Module] = {}

    @override
    def explain(self, plan: Plan) -> str:
        return f"nothing in training; at {', '.join(self.stages)} the mean over {self.num_samples} masks"

    @override
    def average(self, predict: "Predict", inputs: "Images") -> "Tensor":
        with sampling(self._layers.values()), self._noise.call() as seed:
            return self.mean(self._drawn(predict, inputs, seed))

    @override
    def _start(self, stage: str, pl_module: "pl.LightningModule") -> None:
        if stage in self.stages:
            self._layers = noise_layers(pl_module)
            if not self._layers:
                remedy = "Add nn.Dropout or Surgery; noise from functions, such as F.dropout, cannot be switched on."
                condition = "hold a layer of noise such as nn.Dropout"
                raise ValueError(message(OWNER, "the module", condition, type(pl_module).__name__, remedy))
            kinds = Counter(type(layer).__name__ for layer in self._layers.values())
            shown = ", ".join(f"{count} {name}" for name, count in kinds.items())
            say(OWNER, f"{self.num_samples} masks of {shown}.")
            self._noise.start(pl_module)
        super()._start(stage, pl_module)

    @override
    def _begin(self, pl_module: "pl.LightningModule", batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        super()._begin(pl_module, batch, batch_idx, dataloader_idx)
        self._noise.begin(batch_idx, dataloader_idx)

    @override
    def _stop(self) -> None:
        super()._stop()
        self._layers = {}

    def _drawn(self, predict: "Predict", inputs: "Images", seed: Any) -> "Iterator[Tensor]":
        for sample in range(self.num_samples):
            seed(sample)
            yield predict(inputs)
