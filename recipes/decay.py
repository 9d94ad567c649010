"""Which parameters a recipe's weight decay shrinks: papers and libraries differ."""

from typing import Any, Final, Literal, TypeAlias, get_args

from torch import nn

import lightning_regkit as rk

__all__ = ["Decays", "decay_groups"]

Decays: TypeAlias = Literal["weights", "all_but_norms", "all"]

NORMS: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.LayerNorm, nn.GroupNorm)


def decay_groups(module: nn.Module, weight_decay: float, decays: Decays = "weights") -> list[dict[str, Any]]:
    """Split the parameters of a module into those that decay and those that do not.

    Args:
        module: Its trainable parameters are taken. Not modified.
        weight_decay: Of what decays, >= 0.
        decays: ``"weights"``: neither normalization layers nor biases decay, as ``rk.optim.param_groups`` has it and
            timm; ``"all_but_norms"``: biases of other layers do, as in Goyal et al. and torchvision's
            ``--norm-weight-decay 0``; ``"all"``: everything does, as where an optimizer is given ``parameters()``.

    Returns:
        The decaying, then the non-decaying group, without empty ones.

    Raises:
        ValueError: ``decays`` is unknown.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        >>> for decays in ("weights", "all_but_norms", "all"):
        ...     print([(group["weight_decay"], len(group["params"])) for group in decay_groups(net, 0.1, decays)])
        [(0.1, 1), (0.0, 3)]
        [(0.1, 2), (0.0, 2)]
        [(0.1, 4)]
    """
    if decays not in get_args(Decays):
        raise ValueError(f"decay_groups: decays must be one of {', '.join(get_args(Decays))}, got {decays!r}.")
    if decays == "weights":
        return rk.optim.param_groups(module, weight_decay)
    norms = [layer for layer in module.modules() if isinstance(layer, NORMS)]
    spared = {id(parameter) for layer in norms for parameter in layer.parameters(recurse=False)}
    if decays == "all":
        spared = set()
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    decaying = [parameter for parameter in trainable if id(parameter) not in spared]
    still = [parameter for parameter in trainable if id(parameter) in spared]
    pair = ({"params": decaying, "weight_decay": weight_decay}, {"params": still, "weight_decay": 0.0})
    return [group for group in pair if group["params"]]
