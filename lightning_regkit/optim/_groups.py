"""Which parameters decay, and with which factor of the rate they learn."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

from lightning_regkit._checks import message, non_negative_float, positive_float
from lightning_regkit.optim._exempt import exempt
from lightning_regkit.optim._layers import Layers, layer_scales
from lightning_regkit.optim._rules import GroupRule, ruled

__all__ = ["param_groups", "split"]

_OWNER = "optim.param_groups"


def param_groups(
    module: nn.Module | Iterable[Tensor] | Iterable[dict[str, Any]],
    weight_decay: float,
    *,
    rules: Sequence[GroupRule] = (),
    layer_decay: float | None = None,
    layers: Layers | None = None,
) -> list[dict[str, Any]]:
    """Split parameters into those that decay and those that do not; on request by rules and by depth, too.

    In a module the parameters of normalization layers and the biases do not decay. A layer normalizes if it is one of
    torch's norm classes or, for other people's, if its class name contains ``Norm``; of the latter only vectors are
    taken, so that a ``NormedLinear`` keeps its decay. A bias is a parameter with ``bias`` in the name it has in the
    layer that owns it. Names of layers are never read. Where only parameters are given, those with fewer than two
    dimensions do not decay.

    With ``rules`` the first one that a parameter meets gives its factor of the rate and, if it decays, its decay.
    With ``layer_decay`` the factor is multiplied by layer_decay^(D - d) in layer d of 0 .. D.

    Args:
        module: A module, or parameters, or torch parameter groups. Not modified. Rules and layers need a module.
        weight_decay: Weight decay of what decays, >= 0.
        rules: In the order in which they are tried; each must be the first to match for some trainable parameter.
        layer_decay: Factor from a layer to the one before it, in (0, 1].
        layers: From input to output: name prefixes, a sequence of them for one layer; or a mapping from parameter name
            to depth, such as ``timm.models.group_parameters(net, net.group_matcher(), reverse=True)``. Each trainable
            parameter must be in exactly one. ``None`` takes the children that have parameters, and the children of an
            only child.

    Returns:
        The decaying, then the non-decaying group, without empty ones; one group when ``weight_decay`` is 0. With rules
        or layers, one group for every rule, layer and decay that occurs, with ``lr_scale`` and a unique ``name`` in it.
        Every parameter with ``requires_grad`` is in exactly one group, tied ones once, in the module's order. Parameter
        groups that are given come back as shallow copies, otherwise untouched.

    Raises:
        TypeError: ``module`` is none of these, or an argument is of the wrong kind.
        ValueError: A number is out of range, a rule matches nothing, or a parameter is in no layer or in two.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        >>> [(group["weight_decay"], len(group["params"])) for group in rk.optim.param_groups(net, 0.05)]
        [(0.05, 1), (0.0, 3)]
        >>> groups = rk.optim.param_groups(net, 0.0, rules=[rk.optim.GroupRule("0.weight", lr_scale=0.1)])
        >>> [(group["name"], group["lr_scale"]) for group in groups]
        [('rule0', 0.1), ('rest', 1.0)]

    Reference:
        Goyal et al. 2017, arXiv 1706.02677, section 5.1 (no decay on BatchNorm); He et al. 2019, arXiv 1812.01187,
        section 3.1 (no decay on biases and BatchNorm); Clark et al. 2020, arXiv 2003.10555, appendix A (by depth).
    """
    decay = non_negative_float(_OWNER, "weight_decay", weight_decay)
    if not rules and layer_decay is None and layers is None:
        return split(_OWNER, module, decay)
    if not isinstance(module, nn.Module):
        raise TypeError(message(_OWNER, "module", "be a torch.nn.Module for rules and layers", type(module)))
    if layer_decay is None and layers is not None:
        raise ValueError(message(_OWNER, "layer_decay", "be given with layers", layer_decay))
    if foreign := _foreign(rules):
        raise TypeError(message(_OWNER, "rules", "be a sequence of GroupRule", foreign[0]))
    scales = {} if layer_decay is None else layer_scales(_OWNER, module, _ratio(layer_decay), layers)
    return ruled(_OWNER, module, decay, rules, scales)


def _foreign(rules: Sequence[object]) -> list[object]:
    return [rule for rule in rules if not isinstance(rule, GroupRule)]


def _ratio(layer_decay: float) -> float:
    if positive_float(_OWNER, "layer_decay", layer_decay) > 1:
        raise ValueError(message(_OWNER, "layer_decay", "be at most 1", layer_decay))
    return layer_decay


def split(
    owner: str, module: nn.Module | Iterable[Tensor] | Iterable[dict[str, Any]], weight_decay: float
) -> list[dict[str, Any]]:
    """Do the work of ``param_groups`` with a checked ``weight_decay``; refusals are in the words of ``owner``."""
    if isinstance(module, nn.Module):
        return _two_groups(list(module.parameters()), exempt(module), weight_decay)
    groups, params = _groups_and_params(owner, module)
    if groups:
        return groups
    return _two_groups(params, {id(parameter) for parameter in params if parameter.ndim <= 1}, weight_decay)


def _two_groups(params: list[Tensor], still: set[int], weight_decay: float) -> list[dict[str, Any]]:
    trainable = {id(parameter): parameter for parameter in params if parameter.requires_grad}
    if weight_decay == 0:
        still = set(trainable)
    decaying = [parameter for key, parameter in trainable.items() if key not in still]
    spared = [parameter for key, parameter in trainable.items() if key in still]
    pair = ({"params": decaying, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0})
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
    if any("params" not in group for group in groups):
        keys = [list(group) for group in groups]
        raise ValueError(message(owner, "module", "hold parameter groups with the key 'params'", keys))
    return groups, params
