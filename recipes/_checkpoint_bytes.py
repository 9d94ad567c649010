"""How large a checkpoint will be."""

from typing import Any, cast

import lightning.pytorch as pl
import torch

__all__ = ["checkpoint_bytes"]


def checkpoint_bytes(model: pl.LightningModule, averages: int = 0) -> int:
    """Add up the tensors of a checkpoint: the weights, the optimizer's state after a step, averages of the weights.

    Args:
        model: On any device, ``"meta"`` too; its gradients are overwritten.
        averages: How many callbacks keep an average of the weights beside them.
    """
    try:
        held = _state(model)
    except RuntimeError:  # it looks at numbers, of which the meta device has none
        held = _state(model.to_empty(device="cpu"))
    weights = list(model.state_dict().values())
    tensors = [entry for entry in [*weights * (1 + averages), *held] if isinstance(entry, torch.Tensor)]
    return sum(tensor.nbytes for tensor in tensors)


def _state(model: pl.LightningModule) -> list[Any]:
    if not model.hparams.get("optimizer"):
        return []
    optimizer = cast("torch.optim.Optimizer", model.configure_optimizers())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step(lambda: 0.0)
    return [entry for state in optimizer.state.values() for entry in state.values()]
