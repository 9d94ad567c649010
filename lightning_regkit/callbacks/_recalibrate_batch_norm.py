"""Exact BatchNorm statistics for the weights that are evaluated."""

from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._checks import message, positive_int
from lightning_regkit._lightning import Explained, Keys, Plan, pl, refuse_flattened
from lightning_regkit._lightning._batch_statistics import recalibrate, trained_norms
from lightning_regkit._lightning._weights import averaging

if TYPE_CHECKING:
    from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["RecalibrateBatchNorm"]

OWNER = "RecalibrateBatchNorm"


@final
class RecalibrateBatchNorm(pl.Callback, Explained):
    """Compute the statistics of BatchNorm layers anew before each validation of a fit: from the weights evaluated.

    An average of weights has activations of its own, which averaged or running statistics are not those of; running
    ones also lag behind the weights. The statistics become the equally weighted mean of those of training batches.

    Acts in ``on_validation_epoch_start``, after a ``WeightAveraging`` has put its average into the module, and in
    ``on_train_end`` where the weights have changed since. Writes running means and variances of layers that are in
    training mode in training batches; what a checkpoint then holds, and a restore brings back, has them. The training's
    own loaders, order and random generators are left alone. Ranks average their statistics once each time.

    Args:
        num_batches: Most training batches, >= 1.
        inputs_key: Name, position or dotted path of the inputs in a batch, for ``forward``; None finds them.

    Raises:
        TypeError: ``num_batches`` is no integer; or in fit, a training loader is no ``DataLoader``, or the strategy is
            FSDP or DeepSpeed.
        ValueError: ``num_batches`` is below 1; or in fit, there is no BatchNorm layer, ``forward`` runs none, or it
            stands before ``WeightAveraging`` in the callbacks.

    Example:
        >>> import lightning_regkit as rk
        >>> exact = rk.callbacks.RecalibrateBatchNorm()  # Trainer(callbacks=[EMAWeightAveraging(), exact])

    Reference:
        He et al. 2016, arXiv 1512.03385, appendix A (statistics computed after training, on the training set, and
        fixed); Izmailov et al. 2018, arXiv 1803.05407, section 3.2 (of averaged weights).
    """

    def __init__(self, num_batches: int = 200, *, inputs_key: str | int | None = None) -> None:
        self.num_batches = positive_int(OWNER, "num_batches", num_batches)
        self._keys = Keys(OWNER, inputs_key, needs_targets=False)
        self._layers: list[_BatchNorm] = []
        self._step = -1

    @override
    def explain(self, plan: Plan) -> str:
        return f"BatchNorm statistics from {self.num_batches} training batches before each validation"

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        average, callbacks = averaging(trainer), trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
        if average is not None and callbacks.index(self) < callbacks.index(average):
            condition = f"be after {type(average).__name__}, which puts the average into the module"
            raise ValueError(message(OWNER, "position", condition, callbacks.index(self)))

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        refuse_flattened(OWNER, trainer)
        self._layers, self._step = trained_norms(pl_module), -1
        if not self._layers:
            condition = "have BatchNorm layers that train and keep running statistics"
            raise ValueError(message(OWNER, "module", condition, type(pl_module).__name__))

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0:  # layers are frozen and thawed as an epoch starts
            self._layers = trained_norms(pl_module)

    @override
    def on_validation_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._act(trainer, pl_module)

    @override
    def on_train_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if self._step != trainer.global_step:
            self._act(trainer, pl_module)

    def _act(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._step = trainer.global_step
        if self._layers:
            recalibrate(trainer, pl_module, self._layers, self._keys, self.num_batches)
