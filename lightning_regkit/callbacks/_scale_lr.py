"""The learning rate of the batch that is really trained with."""

from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._checks import message, one_of, positive_int
from lightning_regkit._lightning import Explained, OptimizerSeam, Plan, batch_parts, pl, say, training_loaders
from lightning_regkit.callbacks._batch_rates import OWNER, BatchRates, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.optim import Optimizer

__all__ = ["ScaleLR"]


@final
class ScaleLR(pl.Callback, Explained):
    """Multiply the learning rate, tuned for a reference batch, as the global batch is larger: by k, or by sqrt(k).

    The global batch is the loader's batch size times the processes times the accumulated batches, k its ratio to the
    reference. Acts as soon as ``configure_optimizers`` has made the optimizers, so that every callback, wherever it
    stands in the list, reads the scaled rates; a ``train_dataloader`` hook is asked once more for it. Writes
    ``param_groups[i]["lr"]``, the same on every rank, and says the rates before and after. Saves the global batch.

    Args:
        reference_batch: Examples per step that the rate was tuned for, >= 1.
        rule: ``"linear"`` for SGD and its kin, ``"sqrt"`` for adaptive methods; None goes by each optimizer's class.
        batch_size: Examples in one batch of one device, >= 1, where the loader does not tell; None asks the loader.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or in fit, the batch size is unknown or changes, or a torch scheduler
            drives the rates.

    Example:
        >>> import lightning_regkit as rk
        >>> scale = rk.callbacks.ScaleLR(reference_batch=256)  # Trainer(callbacks=[scale, ...])

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.1 (linear); Malladi et al., "On the SDEs and
        Scaling Rules for Adaptive Gradient Algorithms", 2022 (square root).
    """

    def __init__(self, reference_batch: int = 256, *, rule: Rule | None = None, batch_size: int | None = None) -> None:
        self.reference_batch = positive_int(OWNER, "reference_batch", reference_batch)
        self.rule = rule
        self.batch_size = None if batch_size is None else positive_int(OWNER, "batch_size", batch_size)
        if rule is not None:
            one_of(OWNER, "rule", rule, ("linear", "sqrt"))
        self._seam = OptimizerSeam(self._scale)
        self._scaled: Sequence[Optimizer] = ()
        self._batch = 0
        self._saved: int | None = None

    @override
    def explain(self, plan: Plan) -> str:
        rates = self._rates(plan.trainer, plan.loaders)
        return "\n".join(dict.fromkeys(rates.write(optimizer) for optimizer in plan.optimizers))

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        if stage == "fit":
            self._seam.attach(trainer, pl_module)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._refuse_other_batch(trainer)
        if self._saved not in {None, self._batch}:
            found = f"the checkpoint was of batches of {self._saved}, this run has {self._batch}"
            say(OWNER, f"{found}: without ScheduleLR the rates of the checkpoint go on.")

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._refuse_other_batch(trainer)

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._end()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._end()

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"batch": self._batch}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._saved = state_dict["batch"]

    def _end(self) -> None:
        self._seam.detach()
        self._saved = None

    def _rates(self, trainer: "pl.Trainer", loaders: "Sequence[object] | None" = None) -> BatchRates:
        if loaders is None:
            loaders = training_loaders(trainer) if self.batch_size is None else ()
        return BatchRates(batch_parts(OWNER, trainer, loaders, self.batch_size), self.reference_batch, self.rule)

    def _scale(self, trainer: "pl.Trainer", optimizers: "Sequence[Optimizer]") -> None:
        rates = self._rates(trainer)
        # A module may return the optimizer of an earlier fit, which has its rate from there.
        before = [self._batch if any(other is old for old in self._scaled) else None for other in optimizers]
        lines = [rates.write(other, scaled_for=batch) for other, batch in zip(optimizers, before, strict=True)]
        for line in dict.fromkeys(lines):
            say(OWNER, line)
        self._scaled, self._batch = optimizers, rates.batch

    def _refuse_other_batch(self, trainer: "pl.Trainer") -> None:
        found = self._rates(trainer).batch
        if found != self._batch:
            remedy = "Set the batch size before the fit."
            raise ValueError(message(OWNER, "the global batch", f"stay {self._batch}", found, remedy))
