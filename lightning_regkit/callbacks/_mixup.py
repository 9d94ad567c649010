"""Mixup on the training batches of any LightningModule."""

from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._lightning import Example, Keys, Plan, pl
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.errors import UnmixedTargetsError
from lightning_regkit.mixing import MixedTarget, apply_mixup, check_alpha, draw_mixup, mix_targets

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["Mixup"]


@final
class Mixup(TrainingNoise):
    """Train on convex combinations of pairs of examples: lam * x_i + (1 - lam) * x_j, and their targets alike.

    Integer labels become a :class:`~lightning_regkit.mixing.MixedTarget`: ``cross_entropy`` sees the mixture, metrics
    and everything else the dominant label. Floating targets are mixed linearly. ``training_step`` stays as it is.

    Acts on each training batch after its transfer to the device. Writes a new batch, the loader's own is untouched.
    Saves the seed of its noise. Each rank draws its own lam and partners; a resumed run continues the same draws.

    Args:
        alpha: Concentration of lam ~ Beta(alpha, alpha), at least 0.01. One lam a batch.
        inputs_key: Name, position or dotted path of the inputs in the batch, where the usual names do not find them.
        targets_key: The same for the targets.

    Raises:
        TypeError: ``alpha`` is no number.
        ValueError: ``alpha`` is below 0.01.
        BatchLayoutError: In fit, the batch holds no recognizable inputs and targets.
        UnmixedTargetsError: In fit, ``training_step`` made its loss without showing it the mixed targets.

    Example:
        >>> import lightning_regkit as rk
        >>> mixup = rk.callbacks.Mixup(alpha=0.2)  # Trainer(callbacks=[mixup, ...])

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, equation 1 and figure 1a.
    """

    def __init__(
        self, alpha: float = 0.2, *, inputs_key: str | int | None = None, targets_key: str | int | None = None
    ) -> None:
        super().__init__(Keys("Mixup", inputs_key, targets_key))
        self.alpha = check_alpha("Mixup", alpha)
        self._mixed: list[MixedTarget] = []
        self._has_backward = False

    @override
    def explain(self, plan: Plan) -> str:
        return f"every training batch is mixed with a permutation of itself, lam ~ Beta({self.alpha:g}, {self.alpha:g})"

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        assert example.targets is not None  # noqa: S101  # its keys ask for targets
        draw = draw_mixup(len(example.inputs), alpha=self.alpha, generator=generator)
        targets = mix_targets(example.targets, draw)
        if isinstance(targets, MixedTarget):
            self._mixed.append(targets)
        return Example(apply_mixup(example.inputs, draw), targets)

    @override
    def on_before_backward(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", loss: "Tensor") -> None:
        self._has_backward = True
        if pl_module.automatic_optimization:  # else other losses of the same step may come first
            self._refuse_unmixed()

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._has_backward:
            self._refuse_unmixed()
        self._forget()

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._forget()
        super().on_fit_start(trainer, pl_module)

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._forget()  # a batch that on_train_batch_start skipped has no end

    def _forget(self) -> None:
        self._mixed, self._has_backward = [], False

    def _refuse_unmixed(self) -> None:
        if not all(target.is_consumed for target in self._mixed):
            raise UnmixedTargetsError(
                "Mixup: training_step must pass the batch's targets to a loss that mixes, got a loss that did not see "
                "them. Call torch.nn.functional.cross_entropy (or nn.CrossEntropyLoss) on the targets as they come, "
                "or remove Mixup."
            )
