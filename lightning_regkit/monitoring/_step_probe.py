"""What is measured of one training step, from before its forward pass until after the step."""

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_regkit.monitoring._activations import ActivationWatch
from lightning_regkit.monitoring._groups import group_values
from lightning_regkit.monitoring._norms import global_norm, update_ratios

__all__ = ["StepProbe"]


@final
class StepProbe:
    """Measures a step; between two of them it does nothing, and holds nothing.

    Args:
        module: What is trained.
        optimizers: What trains it.
        per_layer: Whether to return the figures of single layers and weights beside those of all together.
    """

    def __init__(self, module: nn.Module, optimizers: Sequence[Optimizer], *, per_layer: bool = True) -> None:
        self._module, self._optimizers, self._per_layer = module, optimizers, per_layer
        self._activations = ActivationWatch(module)
        self._weights: dict[str, tuple[Tensor, Tensor]] = {}
        self._row: dict[str, Tensor | float] = {}
        self.is_open = False
        #: Whether the last step had layers to watch, and none of them was seen to be called.
        self.is_blind = False

    def begin(self) -> None:
        """Start before the forward pass: options of the groups, copies of the weights, hooks on the layers."""
        self.is_open = True
        self._row = group_values(self._optimizers)
        named = self._module.named_parameters()
        self._weights = {n: (p.detach().clone(), p) for n, p in named if p.requires_grad and p.ndim > 1}
        self._activations.attach()

    def end_forward(self) -> None:
        """Take the hooks off, before the backward pass: checkpointed layers run again in it."""
        self._activations.detach()

    def note_gradients(self, optimizer: Optimizer, scale: float = 1.0) -> None:
        """Note the norm of the gradients ``optimizer`` is about to step with, unless it was noted in this step."""
        name = f"grad_norm{self._end_of(optimizer)}"
        if self.is_open and name not in self._row:
            self._row |= self._norm(name, optimizer, scale)

    def note_clipped(self) -> None:
        """Note the norms of the gradients that were stepped with."""
        for each in self._optimizers:
            self._row |= self._norm(f"grad_norm_clipped{self._end_of(each)}", each)

    def take(self) -> dict[str, Tensor | float]:
        """End after the step, and return what was measured; tensors of one entry stay where they are."""
        units = self._activations.take()
        self.is_blind = self._activations.has_layers and not units
        self._row |= {name: share for name, share in units.items() if self._per_layer or "/" not in name}
        if self._weights:
            before, after = zip(*self._weights.values(), strict=True)
            *each, together = update_ratios(before, after).unbind()
            self._row["update_ratio"] = together
            names = [f"update_ratio/{name}" for name in self._weights]
            self._row |= zip(names, each, strict=True) if self._per_layer else ()
        row = self._row
        self.drop()
        return row

    def drop(self) -> None:
        """End without a result; harmless when not begun."""
        self._activations.detach()
        self._weights, self._row, self.is_open = {}, {}, False

    def _end_of(self, optimizer: Optimizer) -> str:
        at = [index for index, each in enumerate(self._optimizers) if each is optimizer]
        return f"/{at[0]}" if len(self._optimizers) > 1 else ""

    def _norm(self, name: str, optimizer: Optimizer, scale: float = 1.0) -> dict[str, Tensor]:
        """Return the norm of all its gradients under a name; nothing where there is no gradient."""
        parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
        norm = global_norm(parameter.grad for parameter in parameters if parameter.grad is not None)
        return {} if norm is None else {name: norm / scale}
