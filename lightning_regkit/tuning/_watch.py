"""A callback that drives the rate of a short run and keeps its losses."""

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, final

from torch import Tensor, nn
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import pl
from lightning_regkit.regularizers import noise_layers
from lightning_regkit.tuning._spy import LossCall, Spy
from lightning_regkit.tuning._unit_spy import UnitSpy

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["Watch", "loss_of"]

#: Batches, and calls of a loss, that are kept.
KEPT: Final = 10


@final
class Watch(pl.Callback):
    """Writes rates before each step, keeps what each step lost, and ends the run at a loss that is not finite.

    Args:
        factor: Step to factor of the rate of every group, or None where the rates stay as they are made.
        weight_decay: Of every group that has one; None leaves them.
        is_silent: Whether noise in the network is off.
        until: Ends the run when it is true of the watch; asked after each step.
    """

    def __init__(
        self,
        factor: Callable[[int, float], float] | None = None,
        *,
        weight_decay: float | None = None,
        is_silent: bool = False,
        until: "Callable[[Watch], bool]" = lambda _: False,
    ) -> None:
        self.losses: list[float] = []
        self.rates: list[float] = []
        self.accuracies: list[float | None] = []
        self.calls: list[LossCall] = []
        self.batches: list[object] = []
        self.first: dict[str, Tensor] = {}
        self.gradients: dict[str, bool] = {}
        self.modes: dict[str, bool] = {}
        self.units = UnitSpy()
        self._factor, self._weight_decay, self._is_silent, self._until = factor, weight_decay, is_silent, until
        self._bases: list[list[float]] = []
        self._module = nn.Module()
        self._is_new = True

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._module = pl_module
        self.first = {name: weight.detach().clone() for name, weight in pl_module.named_parameters()}
        self._bases = [[float(group["lr"]) for group in optimizer.param_groups] for optimizer in trainer.optimizers]
        for group in _groups(trainer.optimizers):
            if self._weight_decay is not None and "weight_decay" in group:
                group["weight_decay"] = self._weight_decay

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: object, batch_idx: int
    ) -> None:
        self._is_new = True
        if len(self.batches) < KEPT:
            self.batches.append(batch)
        if self._factor is not None:
            highest = max((rate for bases in self._bases for rate in bases), default=1.0)
            factor = self._factor(len(self.losses), highest)
            for optimizer, bases in zip(trainer.optimizers, self._bases, strict=True):
                for group, base in zip(optimizer.param_groups, bases, strict=False):
                    group["lr"] = base * factor
        self.rates.append(max((float(group["lr"]) for group in _groups(trainer.optimizers)), default=math.nan))

    def step(self, inner: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Stand before the module's ``training_step``: the first call of each batch is kept."""
        for layer in noise_layers(self._module).values() if self._is_silent else ():
            layer.eval()
        if not self.losses:
            self.modes = {name: layer.training for name, layer in self._module.named_modules()}
        spy = Spy(is_silent=self._is_silent)
        try:
            with nullcontext() if self.losses else self.units, spy:
                output = inner(*args, **kwargs)
        finally:
            if self._is_new and spy.call is not None and len(self.calls) < KEPT:
                self.calls.append(spy.call)
        if self._is_new:
            self._is_new = False
            self.losses.append(loss_of(output, spy.call))
            self.accuracies.append(None if spy.call is None else spy.call.accuracy())
        return output

    @override
    def on_after_backward(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        if not self.gradients:
            self.gradients = {
                name: weight.grad is not None and bool((weight.grad != 0).any())
                for name, weight in pl_module.named_parameters()
            }

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: object, batch: object, batch_idx: int
    ) -> None:
        if self.losses and (not math.isfinite(self.losses[-1]) or self._until(self)):
            trainer.should_stop = True


def _groups(optimizers: "list[Optimizer]") -> list[dict[str, float]]:
    return [group for optimizer in optimizers for group in optimizer.param_groups]


def loss_of(output: object, call: LossCall | None) -> float:
    """Read the loss that a training step returned; where it returned none, that of the call that was seen."""
    loss = output.get("loss") if isinstance(output, Mapping) else output
    if isinstance(loss, Tensor):
        return float(loss.detach())
    if call is not None and call.mean is not None:
        return call.mean
    remedy = "Return the loss, also under manual optimization."
    raise TypeError(message("tuning", "training_step", "return its loss", output, remedy))
