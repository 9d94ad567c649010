"""An L1, L2 or elastic-net penalty on chosen weights of any LightningModule."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import Explained, Plan, is_listed, pl, refuse_flattened
from lightning_regkit._lightning._step_hooks import after_each_step
from lightning_regkit.optim._sam import stepping
from lightning_regkit.regularizers import Penalizer, select_parameters, strengths, weight_penalty

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

__all__ = ["WeightPenalty"]

OWNER: Final = "WeightPenalty"


@final
class WeightPenalty(pl.Callback, Explained):
    """Train on loss + l1 sum abs(w) + l2/2 sum w^2 over chosen weights w, once per optimizer step.

    Through the gradient it acts in ``on_before_optimizer_step``, before clipping; with ``proximal=True`` right after
    each step that was made, with its rate. Writes gradients, or weights, equally on all ranks. Saves nothing.

    Args:
        l1: Strength of the absolute values, >= 0.
        l2: Strength of half the squares, >= 0; through the gradient it is torch's ``weight_decay``.
        elastic: Instead of the two, (alpha, l1_ratio) as in scikit-learn's ``ElasticNet``.
        parameters: Shell-style patterns of parameter names; None takes all of two or more dimensions.
        proximal: Whether to act by proximal steps, which make weights exactly 0, not through the gradient.
        log_as: Name under which the penalty is logged at the end of each epoch; None logs nothing.

    Raises:
        TypeError: An argument is of the wrong kind; or in fit, strategy or optimizer does not go with it.
        ValueError: An argument is out of range, here or in this run; or an optimizer does not go with it.

    Example:
        >>> import lightning_regkit as rk
        >>> sparse = rk.callbacks.WeightPenalty(l1=1e-4, parameters="head.*", proximal=True)  # Trainer(callbacks=[...])

    Reference:
        Zou and Hastie 2005, "Regularization and Variable Selection via the Elastic Net", JRSS B 67, equation 3.
    """

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        elastic: tuple[float, float] | None = None,
        parameters: str | Sequence[str] | None = None,
        proximal: bool = False,
        log_as: str | None = None,
    ) -> None:
        self.l1, self.l2 = strengths(l1, l2, elastic, owner=OWNER)
        self.parameters, self.proximal, self.log_as = parameters, proximal, log_as
        self._penalizer, self._is_added = Penalizer([], self.l1, self.l2), False
        self._trainer: pl.Trainer | None = None
        self._ends: list[Callable[[], None]] = []

    def penalty(self, module: "nn.Module") -> "Tensor":
        """Return the penalty of the chosen weights of ``module`` as they are now, without frozen ones."""
        chosen = [p for p in select_parameters(module, self.parameters, owner=OWNER) if p.requires_grad]
        return weight_penalty(chosen, l1=self.l1, l2=self.l2)

    @override
    def explain(self, plan: Plan) -> str:
        return f"adds l1={self.l1:g}, l2={self.l2:g} by {'proximal steps' if self.proximal else 'the gradient'}"

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        refuse_flattened(OWNER, trainer)
        self._detach()
        self._trainer, chosen = trainer, select_parameters(pl_module, self.parameters, owner=OWNER)
        self._penalizer = Penalizer(chosen, self.l1, self.l2, owner=OWNER)
        for optimizer in map(stepping, trainer.optimizers):
            self._penalizer.check(optimizer, proximal=self.proximal, is_scaled=trainer.scaler is not None)
            if self.proximal:
                self._ends.append(optimizer.register_step_pre_hook(self._penalizer.before_step).remove)
            self._ends.append(after_each_step(optimizer, self._after_step))

    @override
    def on_before_optimizer_step(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", optimizer: "optim.Optimizer"
    ) -> None:
        if not self.proximal:
            self._penalizer.add_gradients(optimizer)
            self._is_added = True

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if self.log_as is not None:
            pl_module.log(self.log_as, self.penalty(pl_module).detach(), sync_dist=True)

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._detach()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._detach()

    def _detach(self) -> None:
        while self._ends:
            self._ends.pop()()
        self._trainer, self._is_added = None, False

    def _after_step(self, optimizer: "optim.Optimizer", _args: object, _kwargs: object) -> None:
        if self._trainer is None or not is_listed(self._trainer, self):  # a finder's trial
            return
        if self.proximal:
            self._penalizer.after_step(optimizer)
        elif not self._is_added:
            remedy = "Step what self.optimizers() returns, or take proximal=True."
            raise ValueError(message(OWNER, "a step", "go through Lightning", "a raw one", remedy))
        self._is_added = False
