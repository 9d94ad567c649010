"""Which parameters of a module never decay: those of normalization layers, and biases."""

from typing import Final

from torch import Tensor, nn

__all__ = ["exempt"]

_NORMS: Final = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.LazyBatchNorm1d,
    nn.LazyBatchNorm2d,
    nn.LazyBatchNorm3d,
    nn.LazyInstanceNorm1d,
    nn.LazyInstanceNorm2d,
    nn.LazyInstanceNorm3d,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def exempt(module: nn.Module) -> set[int]:
    """Return the ``id`` of the parameters of normalization layers and of biases; the rule is ``param_groups``'."""
    return {
        id(parameter)
        for layer in module.modules()
        for name, parameter in layer.named_parameters(recurse=False, remove_duplicate=False)
        if "bias" in name or isinstance(layer, _NORMS) or _is_foreign_norm(layer, parameter)
    }


def _is_foreign_norm(layer: nn.Module, parameter: Tensor) -> bool:
    return "Norm" in type(layer).__name__ and parameter.numel() == max(parameter.shape, default=1)
