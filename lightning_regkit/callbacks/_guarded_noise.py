"""The base of noise that may mix targets, and looks to it that the loss sees the mixture."""

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import Example, Keys, pl
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.errors import UnmixedTargetsError
from lightning_regkit.mixing import MixedTarget

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.optim import Optimizer
    from torch.utils.hooks import RemovableHandle

    from lightning_regkit.callbacks._target_style import TargetStyle

__all__ = ["GuardedNoise"]

_REMEDY = (
    "Call a registered loss such as torch.nn.functional.cross_entropy on the targets as they come "
    "(mixing.register_loss adds yours), pass targets='probabilities' and give your loss (B, K) probabilities, or "
    "remove {}."
)


class GuardedNoise(TrainingNoise):
    """Refuses a training step whose mixed labels no loss consumed, together with predictions that get a gradient.

    With automatic optimization the loss is refused before its backward pass. With manual optimization, where other
    losses of the same batch may come first, at the end of the batch, if anything was backed up or any optimizer
    stepped in it. A step that does neither, or returns None, is exempt.

    Args:
        keys: Where inputs and targets are.
        until: Where in the run the noise ends; None for never.
        style: What labels are made before, noise or not; None leaves them alone.
    """

    def __init__(self, keys: Keys, *, until: int | str | None = None, style: "TargetStyle | None" = None) -> None:
        super().__init__(keys, until=until, style=style)
        self._mixed: list[MixedTarget] = []
        self._has_trained = False
        self._handles: list[RemovableHandle] = []

    @override
    def _receive(self, example: Example, generator: "np.random.Generator") -> Example:
        noisy = super()._receive(example, generator)
        if isinstance(noisy.targets, MixedTarget) and noisy.targets is not example.targets:
            self._mixed.append(noisy.targets)
        return noisy

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._forget()
        super().on_fit_start(trainer, pl_module)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        super().on_train_start(trainer, pl_module)
        if not pl_module.automatic_optimization:  # a raw backward pass and a raw step show themselves nowhere else
            self._handles = [each.register_step_pre_hook(self._notice_step) for each in trainer.optimizers]

    @override
    def on_train_epoch_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._forget()  # a batch that on_train_batch_start skipped has no end

    @override
    def on_before_backward(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", loss: "Tensor") -> None:
        self._has_trained = True
        if pl_module.automatic_optimization:
            self._refuse_unmixed()

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._has_trained:
            self._refuse_unmixed()
        self._forget()

    @override
    def end(self) -> None:
        super().end()
        while self._handles:
            self._handles.pop().remove()

    def _notice_step(self, _optimizer: "Optimizer", _args: object, _kwargs: object) -> None:
        self._has_trained = True

    def _forget(self) -> None:
        self._mixed, self._has_trained = [], False

    def _refuse_unmixed(self) -> None:
        if not all(target.is_consumed for target in self._mixed):
            owner = self.keys.owner
            raise UnmixedTargetsError(
                f"{owner}: training_step must pass the batch's targets to a loss that mixes, got a loss that did not "
                f"see them. {_REMEDY.format(owner)}"
            )
