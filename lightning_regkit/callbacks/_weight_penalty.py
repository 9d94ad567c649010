"""An L1, L2 or elastic-net penalty on chosen weights of any LightningModule."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import Explained, Plan, is_listed, pl
from lightning_regkit.regularizers import Penalizer, select_parameters, strengths, weight_penalty

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.utils.hooks import RemovableHandle

__all__ = ["WeightPenalty"]


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
        TypeError: An argument is of the wrong kind.
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
        self.l1, self.l2 = strengths(l1, l2, elastic, owner="WeightPenalty")
        self.parameters = parameters
        self.proximal = proximal
        self.log_as = log_as
        self._penalizer, self._is_added = Penalizer([], self.l1, self.l2), False
        self._trainer: pl.Trainer | None = None
        self._handles: list[RemovableHandle] = []

    def penalty(self, module: "nn.Module") -> "Tensor":
        """Return the penalty of the chosen weights of ``module`` as they are now, without frozen ones."""
        chosen = [p for p in select_parameters(module, self.parameters, owner="WeightPenalty") if p.requires_grad]
        return weight_penalty(chosen, l1=self.l1, l2=self.l2)

    @override
    def explain(self, plan: Plan) -> str:
        return f"adds l1={self.l1:g}, l2={self.l2:g} by {'proximal steps' if self.proximal else 'the gradient'}"

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._detach()
        self._trainer, self._is_added, named = trainer, False, self.parameters
        self._penalizer = Penalizer(select_parameters(pl_module, named, owner="WeightPenalty"), self.l1, self.l2)
        is_scaled = trainer.scaler is not None
        for optimizer in trainer.optimizers:
            self._penalizer.check("WeightPenalty", optimizer, proximal=self.proximal, is_scaled=is_scaled)
            if self.proximal:
                self._handles.append(optimizer.register_step_pre_hook(self._penalizer.before_step))
            self._handles.append(optimizer.register_step_post_hook(self._after_step))

    @override
    def on_before_optimizer_step(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", optimizer: "Optimizer"
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
        while self._handles:
            self._handles.pop().remove()
        self._trainer = None

    def _after_step(self, optimizer: "Optimizer", _args: object, _kwargs: object) -> None:
        if self._trainer is None or not is_listed(self._trainer, self):  # a finder's trial
            return
        if self.proximal:
            self._penalizer.after_step(optimizer)
        elif not self._is_added:
            remedy = "Step what self.optimizers() returns, or take proximal=True."
            raise ValueError(message("WeightPenalty", "a step", "go through Lightning", "a raw one", remedy))
        self._is_added = False
