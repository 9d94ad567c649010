"""What L-BFGS asks of the loop: one loss, evaluated again and again, that its gradient is the slope of."""

from typing import TYPE_CHECKING, Final

from torch import nn
from torch.optim import LBFGS

from lightning_regkit._checks import message
from lightning_regkit._lightning._horizon import epoch_bound, windows
from lightning_regkit._lightning._ranks import say

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit._lightning._namespace import pl

__all__ = ["refuse_closure_misuse"]

_DROPOUT: Final = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


def refuse_closure_misuse(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse a run in which L-BFGS would minimize something else than the training loss; say where it may do badly.

    Lightning itself refuses the gradient scaler only, in the first step. Other optimizers pass; ``optim.SAM`` refuses
    by itself what it cannot do.

    Args:
        owner: The callback that asks, for messages.
        trainer: At ``on_train_start``, when the number of batches is known.

    Raises:
        ValueError: There is a gradient scaler, accumulation (fixed or scheduled), gradient clipping, or more than one
            process.
    """
    for optimizer in trainer.optimizers:
        if isinstance(optimizer, LBFGS):
            _refuse(owner, trainer, type(optimizer).__name__)
            _warn(owner, trainer, optimizer)


def _refuse(owner: str, trainer: "pl.Trainer", name: str) -> None:
    window = max(windows(trainer, epoch_bound(trainer)), default=1)
    if trainer.scaler is not None:
        remedy = "A scaler serves one gradient a step, a line search takes several: choose 32-true or bf16-mixed."
        raise ValueError(message(owner, "precision", f"need no gradient scaler with {name}", trainer.precision, remedy))
    if window > 1:
        remedy = "It evaluates the loss of one batch again and again, never that of several: enlarge the batch."
        raise ValueError(message(owner, "accumulate_grad_batches", f"be 1 with {name}", window, remedy))
    if clip := trainer.gradient_clip_val:
        remedy = "A clipped gradient is not the slope of the loss that its line search measures."
        raise ValueError(message(owner, "gradient_clip_val", f"be None with {name}", clip, remedy))
    if trainer.world_size > 1:
        remedy = "Each process decides by the loss of its own part of the batch; where two disagree, all wait forever."
        raise ValueError(message(owner, "world_size", f"be 1 with {name}", trainer.world_size, remedy))


def _warn(owner: str, trainer: "pl.Trainer", optimizer: "Optimizer") -> None:
    name = type(optimizer).__name__
    if trainer.num_training_batches > 1:
        say(owner, f"{name} is for full batches; it sees {trainer.num_training_batches} different losses an epoch.")
    layers = trainer.lightning_module.named_modules()
    noisy = [path for path, layer in layers if isinstance(layer, _DROPOUT) and layer.p > 0]
    if noisy:
        say(owner, f"dropout draws anew in every evaluation of {name}'s line search: {', '.join(noisy)}.")
