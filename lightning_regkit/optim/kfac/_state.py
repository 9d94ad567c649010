"""K-FAC over the steps of a run: when factors and their eigenbases are renewed, and what a checkpoint holds."""

from collections.abc import Collection, Mapping
from typing import Any, final

import torch
from torch import Tensor
from torch.optim import Optimizer

from lightning_regkit._checks import message
from lightning_regkit.optim.kfac._factors import Factors, Moments, blend, factors
from lightning_regkit.optim.kfac._inverse import Eigenbasis, decompose, kl_scale, precondition
from lightning_regkit.optim.kfac._layers import KroneckerLayer, gradient_matrix, write_gradient
from lightning_regkit.optim.kfac._settings import OWNER, KFACSettings

__all__ = ["KFACState"]


@final
class KFACState:
    """Running factors and eigenbases by layer, and the step count they go by.

    Args:
        settings: How often, and how much.
    """

    def __init__(self, settings: KFACSettings) -> None:
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.steps = 0
        self.updated_at: int | None = None
        self.inverted_at: int | None = None
        self.updates: dict[str, int] = {}
        self.factors: dict[str, Factors] = {}
        self.bases: dict[str, Eigenbasis] = {}
        self._uncalled: set[str] = set()

    @property
    def is_due(self) -> bool:
        """Whether the coming step is to renew the factors."""
        return self.updated_at is None or self.steps - self.updated_at >= self.settings.update_every

    def update(self, sums: Mapping[str, Moments], *, scale: float, micro_batches: int) -> None:
        """Renew the factors of layers that were called, unless a gradient overflowed: then the next step is to do it.

        Args:
            sums: Of all ranks and micro-batches of the step.
            scale: That of the loss scaler, 1 without.
            micro_batches: Number that every loss was divided by.
        """
        called = {name: each for name, each in sums.items() if each.counts[0] > 0}
        self._uncalled = sums.keys() - called.keys()
        is_finite = all(part.isfinite().all() for each in called.values() for part in (each.inputs, each.gradients))
        if not (called and is_finite):
            return
        for name, each in called.items():
            self.updates[name] = updates = self.updates.get(name, 0) + 1
            new = factors(each, loss_scale=scale / micro_batches)
            self.factors[name] = blend(self.factors.get(name), new, updates=updates, decay=self.settings.decay)
        self.updated_at = self.steps

    def apply(self, layers: Mapping[str, KroneckerLayer], optimizer: Optimizer) -> None:
        """Precondition the gradients of what ``optimizer`` is about to step, and count the step.

        Raises:
            ValueError: A layer has a gradient, and was not seen when its factors were to be made.
        """
        rates: dict[Tensor, Any] = {each: group["lr"] for group in optimizer.param_groups for each in group["params"]}
        own = {name: each for name, each in layers.items() if all(p in rates for p in each.parameters(recurse=False))}
        found = {name: gradient for name, layer in own.items() if (gradient := gradient_matrix(layer)) is not None}
        self._refuse_unseen(found)
        self._invert()
        new = {
            name: precondition(gradient, self.bases[name], damping=self.settings.damping)
            for name, gradient in found.items()
            if name in self.bases
        }
        if self.settings.kl_clip is not None and new:
            terms = [term for name, each in new.items() for term in _terms(own[name], each * found[name], rates)]
            scale = kl_scale(terms, self.settings.kl_clip)
            new = {name: scale * each for name, each in new.items()}
        for name, each in new.items():
            write_gradient(own[name], each)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        """Return numbers, dicts and tensors only; later steps leave the tensors as they are."""
        return {
            "steps": self.steps,
            "updated_at": self.updated_at,
            "inverted_at": self.inverted_at,
            "updates": dict(self.updates),
            "factors": {name: dict(vars(each)) for name, each in self.factors.items()},
            "bases": {name: dict(vars(each)) for name, each in self.bases.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict`` returned, on whatever device; ``to`` comes next."""
        self.steps, self.updated_at, self.inverted_at = state["steps"], state["updated_at"], state["inverted_at"]
        self.updates = dict(state["updates"])
        self.factors = {name: Factors(**each) for name, each in state["factors"].items()}
        self.bases = {name: Eigenbasis(**each) for name, each in state["bases"].items()}

    def to(self, device: torch.device) -> None:
        """Move the tensors, after a load, to where the layers are."""
        self.factors = {name: Factors(**_moved(each, device)) for name, each in self.factors.items()}
        self.bases = {name: Eigenbasis(**_moved(each, device)) for name, each in self.bases.items()}

    def _refuse_unseen(self, names: Collection[str]) -> None:
        unseen = [name for name in names if name in self._uncalled and name not in self.factors]
        self._uncalled = set()
        if unseen:
            remedy = f"Call the layer itself, uncompiled, or pass exclude={unseen}."
            condition = "be called as modules in the training step"
            raise ValueError(message(OWNER, "layers", condition, f"gradients of {unseen} without a call", remedy))

    def _invert(self) -> None:
        is_old = self.inverted_at is None or self.steps - self.inverted_at >= self.settings.invert_every
        if self.factors and (is_old or self.factors.keys() != self.bases.keys()):
            self.bases = {name: decompose(each) for name, each in self.factors.items()}
            self.inverted_at = self.steps


def _terms(layer: KroneckerLayer, products: Tensor, rates: Mapping[Tensor, Any]) -> list[Tensor]:
    """Return lr² (v · grad) of weight and bias, which may be in groups of different rates."""
    width = layer.weight[0].numel()
    terms = [rates[layer.weight] ** 2 * products[:, :width].sum()]
    return terms if layer.bias is None else [*terms, rates[layer.bias] ** 2 * products[:, width:].sum()]


def _moved(each: Factors | Eigenbasis, device: torch.device) -> dict[str, Tensor]:
    return {key: value.to(device) for key, value in vars(each).items()}
