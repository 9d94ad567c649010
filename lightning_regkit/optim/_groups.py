"""Which parameters decay."""

from collections.abc import Iterable
from typing import Any, Final

from torch import Tensor, nn

from lightning_regkit._checks import message, non_negative_float

__all__ = ["param_groups", "split"]

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


def param_groups(
    module: nn.Module | Iterable[Tensor] | Iterable[dict[str, Any]], weight_decay: float
) -> list[dict[str, Any]]:
    """Split parameters into a group that decays and a group that does not.

    In a module the parameters of normalization layers and the biases do not decay. A layer normalizes if it is one of
    torch's norm classes or, for other people's, if its class name contains ``Norm``; of the latter only vectors are
    taken, so that a ``NormedLinear`` keeps its decay. A bias is a parameter with ``bias`` in the name it has in the
    layer that owns it. Names of layers are never read. Where only parameters are given, those with fewer than two
    dimensions do not decay.

    Args:
        module: A module, or parameters, or torch parameter groups. Not modified.
        weight_decay: Weight decay of the first group, >= 0.

    Returns:
        The decaying, then the non-decaying group, without empty ones; one group when ``weight_decay`` is 0. Every
        parameter with ``requires_grad`` is in exactly one group, tied ones once, in the module's order. Parameter
        groups that are given come back as shallow copies, otherwise untouched.

    Raises:
        TypeError: ``module`` is none of these, or ``weight_decay`` is not a number.
        ValueError: ``weight_decay`` is negative or not finite.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        >>> [(group["weight_decay"], len(group["params"])) for group in rk.optim.param_groups(net, 0.05)]
        [(0.05, 1), (0.0, 3)]

    Reference:
        Goyal et al. 2017, arXiv 1706.02677, section 5.1 (no decay on BatchNorm); He et al. 2019, arXiv 1812.01187,
        section 3.1 (no decay on biases and BatchNorm).
    """
    return split("optim.param_groups", module, non_negative_float("optim.param_groups", "weight_decay", weight_decay))


def split(
    owner: str, module: nn.Module | Iterable[Tensor] | Iterable[dict[str, Any]], weight_decay: float
) -> list[dict[str, Any]]:
    """Do the work of ``param_groups`` with a checked ``weight_decay``; refusals are in the words of ``owner``."""
    if isinstance(module, nn.Module):
        exempt = _exempt(module)
        return _two_groups(list(module.parameters()), exempt, weight_decay)
    groups, params = _groups_and_params(owner, module)
    if groups:
        return groups
    return _two_groups(params, {id(parameter) for parameter in params if parameter.ndim <= 1}, weight_decay)


def _exempt(module: nn.Module) -> set[int]:
    return {
        id(parameter)
        for layer in module.modules()
        for name, parameter in layer.named_parameters(recurse=False, remove_duplicate=False)
        if "bias" in name or isinstance(layer, _NORMS) or _is_foreign_norm(layer, parameter)
    }


def _is_foreign_norm(layer: nn.Module, parameter: Tensor) -> bool:
    return "Norm" in type(layer).__name__ and parameter.numel() == max(parameter.shape, default=1)


def _two_groups(params: list[Tensor], exempt: set[int], weight_decay: float) -> list[dict[str, Any]]:
    trainable = {id(parameter): parameter for parameter in params if parameter.requires_grad}
    if weight_decay == 0:
        exempt = set(trainable)
    decaying = [parameter for key, parameter in trainable.items() if key not in exempt]
    still = [parameter for key, parameter in trainable.items() if key in exempt]
    pair = ({"params": decaying, "weight_decay": weight_decay}, {"params": still, "weight_decay": 0.0})
    return [group for group in pair if group["params"]]


def _groups_and_params(owner: str, module: object) -> tuple[list[dict[str, Any]], list[Tensor]]:
    if isinstance(module, Tensor) or not isinstance(module, Iterable):
        kinds = "be a torch.nn.Module, an iterable of parameters or an iterable of parameter-group dicts"
        raise TypeError(message(owner, "module", kinds, type(module)))
    items = list(module)
    groups = [dict(item) for item in items if isinstance(item, dict)]
    params = [item for item in items if isinstance(item, Tensor)]
    if len(items) not in (len(groups), len(params)):
        kinds = "hold parameters only, or parameter-group dicts only"
        found = sorted({type(item).__name__ for item in items})
        raise TypeError(message(owner, "module", kinds, found, "Pass the module itself, or its parameters()."))
    return groups, params
