"""The base of callbacks that average over members: other weights for the same module."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import say
from lightning_regkit._lightning._exchange import WeightExchange
from lightning_regkit._lightning._restart import refuse_sharded
from lightning_regkit.callbacks._averaged_prediction import AveragedPrediction
from lightning_regkit.callbacks._ensemble_curve import EnsembleCurve
from lightning_regkit.callbacks._readout_keys import readout_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._calls import Images
    from lightning_regkit._lightning._exchange import Weights
    from lightning_regkit._lightning._predictor import Predict
    from lightning_regkit.callbacks._ensemble_settings import EnsembleSettings
    from lightning_regkit.ensemble import CurveRow

__all__ = ["EnsembledPrediction"]


class EnsembledPrediction(AveragedPrediction, ABC):
    """Runs every batch once through each member, and puts the mean of their distributions where the logits were.

    Acts in ``trainer.test``, ``predict`` and ``validate`` as chosen, not in a fit. The weights of the module are there
    again after each batch. A ``ckpt_path`` switches it off for that call, and a line says so.

    Args:
        settings: What both kinds of ensemble let the user choose.
    """

    level: ClassVar[int] = 2

    def __init__(self, settings: "EnsembleSettings") -> None:
        owner, readout = settings.owner, settings.readout
        super().__init__(owner, stages=settings.stages, readout=readout)
        if settings.curve and readout.activation != "softmax":
            remedy = "It counts right answers, which only a softmax has."
            condition = f"be False with activation {readout.activation!r}"
            raise ValueError(message(owner, "curve", condition, settings.curve, remedy))
        self._settings = settings
        self._table = EnsembleCurve(readout_keys(owner, readout, needs_targets=True))
        self._exchange: WeightExchange | None = None
        self._logits: Tensor | None = None
        self.curves: dict[int, tuple[CurveRow, ...]] = {}

    @abstractmethod
    def _members(self) -> "Sequence[tuple[str, Callable[[], Weights]]]":
        """List the members, the oldest first: a name, and what reads the weights."""

    @property
    def curve(self) -> "tuple[CurveRow, ...]":
        """What the last m = 1 ... M members achieved in the last test, on its first loader; () before."""
        return self.curves.get(0, ())

    @override
    def average(self, predict: "Predict", inputs: "Images") -> "Tensor":
        assert self._exchange is not None  # noqa: S101  # for the type checker
        self._logits = self._exchange.logits(predict, inputs)
        return self.mean(self._logits[self._settings.newest()])

    @override
    def _start(self, stage: str, pl_module: "pl.LightningModule") -> None:
        trainer, owner = pl_module.trainer, self._settings.owner
        self._exchange = self._logits = None
        if stage not in self.stages or trainer.state.fn != stage or self._settings.is_off(trainer):
            return
        refuse_sharded(owner, trainer)
        self._refuse_another(trainer, stage)
        trainer.strategy.barrier()  # the first process may still be writing the list
        members = self._settings.needed(self._members(), stage)
        self._exchange = WeightExchange(owner, pl_module, members, self._settings.placement)
        say(owner, f"{len(members)} members, {self._exchange.where}.")
        self._table = self._table.anew()
        super()._start(stage, pl_module)

    @override
    def _end(self, pl_module: "pl.LightningModule", batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        super()._end(pl_module, batch, batch_idx, dataloader_idx)
        logits, self._logits = self._logits, None
        if logits is not None and self._settings.draws_curve(self._stage):
            self._table.add(batch, logits, dataloader_idx)

    @override
    def _log(self, pl_module: "pl.LightningModule") -> None:
        if self._exchange is not None and self._settings.curve:
            self.curves = self._table.finish(pl_module.trainer, pl_module)

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        super().teardown(trainer, pl_module, stage)
        self._exchange = self._logits = None  # the members' memory

    def _refuse_another(self, trainer: "pl.Trainer", stage: str) -> None:
        callbacks: Sequence[object] = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
        for other in callbacks:
            if other is not self and isinstance(other, EnsembledPrediction) and stage in other.stages:
                remedy = "List the files of all members in one EnsembleCheckpoints."
                condition = f"be the only ensemble at {stage}"
                raise ValueError(message(self._owner, "the callback", condition, type(other).__name__, remedy))
