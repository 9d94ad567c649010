"""K-FAC as a preconditioner of any optimizer's gradients."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._lightning import Explained, Plan, pl, say
from lightning_regkit._lightning._gradients import loss_scale, refuse_unsuited
from lightning_regkit.callbacks._layer_moments import LayerMoments
from lightning_regkit.optim.kfac._layers import KroneckerLayer, find_layers
from lightning_regkit.optim.kfac._settings import OWNER, KFACSettings
from lightning_regkit.optim.kfac._state import KFACState

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["KFACPreconditioner"]


@final
class KFACPreconditioner(LayerMoments, Explained):
    """Multiply the gradient of every Linear and Conv2d by (G ⊗ A + damping I)⁻¹ before the optimizer sees it.

    A is the second moment of the layer's inputs, G that of its output gradients; other parameters keep their gradient.

    Hooks on the layers gather moments in steps that renew the factors; ``on_before_optimizer_step`` writes gradients,
    before they are clipped. Saves factors and eigenbases. Ranks reduce their moments, in these steps only.

    Args:
        damping: Added to the eigenvalues of G ⊗ A, > 0; larger is closer to plain gradients over ``damping``.
        update_every: Steps between two factors.
        invert_every: Steps between two eigendecompositions, at least ``update_every``.
        decay: Weight of the past in the running average of the factors, in [0, 1].
        kl_clip: Bound on sum lr² (v · grad), v being the preconditioned gradient: longer steps are shortened; None for
            none.
        exclude: Names of submodules left as they are, such as ``["head"]``.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or in fit, module, optimizer or strategy do not go with K-FAC.

    Example:
        >>> import lightning_regkit as rk
        >>> kfac = rk.callbacks.KFACPreconditioner(damping=1e-2, update_every=10)  # Trainer(callbacks=[kfac])

    Reference:
        Martens and Grosse 2015, arXiv 1503.05671; Grosse and Martens 2016, arXiv 1602.01407 (convolutions); Ba, Grosse
        and Martens 2017, "Distributed Second-order Optimization using Kronecker-Factored Approximations".

    Differs from the paper:
        Empirical Fisher; damping of the product, not of each factor; no momentum of its own, that is the optimizer's.
    """

    def __init__(
        self,
        damping: float = 1e-3,
        *,
        update_every: int = 10,
        invert_every: int = 100,
        decay: float = 0.95,
        kl_clip: float | None = 1e-3,
        exclude: Sequence[str] = (),
    ) -> None:
        self.settings = KFACSettings(damping, update_every, invert_every, decay, kl_clip, exclude)
        super().__init__(OWNER)
        self._state = KFACState(self.settings)
        self._layers: dict[str, KroneckerLayer] = {}

    @override
    def explain(self, plan: Plan) -> str:
        return f"preconditions the gradients of Linear and Conv2d, {self.settings}"

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        refuse_unsuited(OWNER, trainer, pl_module)
        self._layers, line = find_layers(OWNER, pl_module, self.settings.exclude)
        self.observe(self._layers)
        say(OWNER, line)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if trainer.fit_loop.total_batch_idx < 0:
            self._state.reset()
        self._state.to(pl_module.device)
        super().on_train_start(trainer, pl_module)

    @property
    @override
    def is_due(self) -> bool:
        return self._state.is_due

    @override
    def on_before_optimizer_step(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", optimizer: "Optimizer"
    ) -> None:
        sums = self.take(trainer, optimizer)
        if sums:
            self._state.update(sums, scale=loss_scale(trainer), micro_batches=trainer.accumulate_grad_batches)
        self._state.apply(self._layers, optimizer)

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        super().on_load_checkpoint(trainer, pl_module, checkpoint)
        if self._is_resuming:  # what an earlier fit left must not stand in for what a checkpoint lacks
            self._state.reset()

    @override
    def state_dict(self) -> dict[str, Any]:
        return {**self._state.state_dict(), "settings": str(self.settings)}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if not self._is_resuming:  # an evaluation
            return
        self._state.load_state_dict(state_dict)
        if state_dict["settings"] != str(self.settings):
            say(OWNER, f"goes on with {self.settings}; the checkpoint had {state_dict['settings']}.")
