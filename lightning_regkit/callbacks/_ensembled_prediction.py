"""The base of callbacks that average over members: other weights for the same module."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import Keys, say
from lightning_regkit._lightning._exchange import WeightExchange
from lightning_regkit.callbacks._averaged_prediction import AveragedPrediction
from lightning_regkit.callbacks._ensemble_curve import EnsembleCurve
from lightning_regkit.callbacks._ensemble_settings import EnsembleSettings
from lightning_regkit.marginalize import Uncertainty, combine, uncertainty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._exchange import Weights
    from lightning_regkit._lightning._predictor import Predict
    from lightning_regkit.ensemble import CurveRow

__all__ = ["EnsembledPrediction"]


class EnsembledPrediction(AveragedPrediction, ABC):
    """Runs every batch once through each member, and puts the mean of their distributions where the logits were.

    Acts in ``trainer.test``, ``predict`` and ``validate`` as chosen, not in a fit. The weights of the module are there
    again after each batch. A ``ckpt_path`` switches it off for that call, and a line says so.

    Args:
        settings: What both kinds of ensemble let the user choose.
    """

    def __init__(self, settings: EnsembleSettings) -> None:
        owner, layout = settings.owner, settings.layout
        keys = Keys(owner, layout.inputs_key, needs_targets=False)
        predictor, logits_key = layout.predictor, layout.logits_key
        super().__init__(keys, stages=settings.stages, predictor=predictor, logits_key=logits_key)
        self._settings = settings
        self._table = EnsembleCurve(Keys(owner, layout.inputs_key, layout.targets_key))
        self._exchange: WeightExchange | None = None
        self._logits: Tensor | None = None
        self._samples: list[Uncertainty] = []
        self.curves: dict[int, tuple[CurveRow, ...]] = {}

    @abstractmethod
    def _members(self) -> "Sequence[tuple[str, Callable[[], Weights]]]":
        """List the members, the oldest first: a name, and what reads the weights."""

    @property
    def curve(self) -> "tuple[CurveRow, ...]":
        """What the last m = 1 ... M members achieved in the last test, on its first loader; () before."""
        return self.curves.get(0, ())

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Mean and uncertainty of each sample of the last ``predict``, on this process; None before."""
        return Uncertainty.joined(self._samples) if self._samples else None

    @override
    def average(self, predict: "Predict", inputs: "Tensor") -> "Tensor":
        assert self._exchange is not None  # noqa: S101  # for the type checker
        self._logits = self._exchange.logits(predict, inputs)
        return combine(self._logits[self._settings.newest()])

    @override
    def _start(self, stage: str, pl_module: "pl.LightningModule") -> None:
        trainer, owner = pl_module.trainer, self._settings.owner
        self._exchange = self._logits = None
        if stage not in self.stages or trainer.state.fn != stage or self._settings.is_off(trainer):
            return
        self._settings.refuse(trainer, self)
        trainer.strategy.barrier()  # the first process may still be writing the list
        members = self._settings.needed(self._members(), stage)
        self._exchange = WeightExchange(owner, pl_module, members, self._settings.placement)
        say(owner, f"{len(members)} members, {self._exchange.where}.")
        self._table, self._samples = self._table.anew(), []
        super()._start(stage, pl_module)

    @override
    def on_validation_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        super().on_validation_batch_end(trainer, pl_module, *batch)
        self._count(trainer, *batch)

    @override
    def on_test_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        super().on_test_batch_end(trainer, pl_module, *batch)
        self._count(trainer, *batch)

    @override
    def on_predict_batch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *batch: Any) -> None:
        super().on_predict_batch_end(trainer, pl_module, *batch)
        self._count(trainer, *batch)

    @override
    def on_validation_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if self._exchange is not None and self._settings.curve:
            self.curves = self._table.finish(trainer, pl_module)

    @override
    def on_test_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self.on_validation_epoch_end(trainer, pl_module)

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        super().teardown(trainer, pl_module, stage)
        self._exchange = self._logits = None  # the members' memory

    def _count(self, trainer: "pl.Trainer", *batch: Any) -> None:
        logits, self._logits = self._logits, None
        if logits is not None and trainer.state.fn == "predict":
            self._samples.append(Uncertainty.joined([uncertainty(logits)]))  # off the device
        elif logits is not None and self._settings.curve:
            _outputs, content, _index, dataloader_idx = (*batch, 0)[:4]  # no index is given to a single loader
            self._table.add(content, logits, dataloader_idx)
