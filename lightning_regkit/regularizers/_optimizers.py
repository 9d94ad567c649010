"""What a penalty asks of an optimizer: which ones it refuses, how far a step goes, and whether it was made."""

from collections.abc import Collection
from typing import Any

from torch import Tensor, nn
from torch.optim import LBFGS, SGD, Optimizer

from lightning_regkit._checks import message

__all__ = ["check_groups", "check_optimizer", "is_skipped", "step_lengths"]


def check_optimizer(owner: str, optimizer: Optimizer, *, proximal: bool, is_scaled: bool) -> None:
    """Refuse an optimizer that a penalty cannot reach.

    Args:
        owner: Public name of what the user called.
        optimizer: Looked at, not modified.
        proximal: Whether the penalty acts by proximal steps, not through the gradient.
        is_scaled: Whether there is a gradient scaler.

    Raises:
        TypeError: It is L-BFGS.
        ValueError: Gradients are still scaled when the penalty's is added.

    Example:
        >>> check_optimizer("WeightPenalty", SGD([nn.Parameter(Tensor([1.0]))]), proximal=False, is_scaled=True)
    """
    kind = type(optimizer).__name__
    if isinstance(optimizer, LBFGS):
        remedy = "Its line search needs the whole loss: add regularizers.weight_penalty(...) in training_step instead."
        raise TypeError(message(owner, "optimizer", "take one gradient a step", kind, remedy))
    if is_scaled and not proximal and vars(optimizer).get("_step_supports_amp_scaling", False):
        remedy = "It unscales gradients inside its step: pass fused=False, or take proximal=True."
        raise ValueError(message(owner, "optimizer", "not be fused under 16-mixed", kind, remedy))


def check_groups(
    owner: str, optimizer: Optimizer, chosen: Collection[nn.Parameter], *, l2: float, proximal: bool
) -> None:
    """Refuse settings of an optimizer with which the penalty would silently be another one.

    Args:
        owner: Public name of what the user called.
        optimizer: Looked at, not modified.
        chosen: The penalized parameters; groups without any of them do not matter.
        l2: Strength of half the squares, >= 0.
        proximal: Whether the penalty acts by proximal steps, not through the gradient.

    Raises:
        ValueError: A penalized parameter has a ``weight_decay`` beside ``l2``, or is maximized.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> check_groups("WeightPenalty", SGD(layer.parameters()), list(layer.parameters()), l2=0.1, proximal=False)
    """
    keys = {id(parameter) for parameter in chosen}
    for group in optimizer.param_groups:
        if any(id(parameter) in keys for parameter in group["params"]):
            _check_group(owner, group, l2=l2, proximal=proximal)


def _check_group(owner: str, group: dict[str, Any], *, l2: float, proximal: bool) -> None:
    decay, maximize = group.get("weight_decay", 0.0), group.get("maximize", False)
    if l2 and decay:
        remedy = "Pass weight_decay=0 to the optimizer, or leave l2 to it."
        raise ValueError(message(owner, "weight_decay of a penalized weight", "be 0 beside l2", decay, remedy))
    if maximize and not proximal:
        remedy = "Return the negative loss, or take proximal=True."
        raise ValueError(message(owner, "maximize of a penalized weight", "be False", maximize, remedy))


def step_lengths(optimizer: Optimizer) -> list[float | Tensor]:
    """Compute how far the next step goes along a constant gradient, for each parameter group.

    lr (1 - dampening) / (1 - momentum) for torch's SGD, whose momentum adds up 1 / (1 - momentum) gradients: with a
    proximal step of this length after it, only a stationary point of loss + penalty stays where it is. lr for any other
    optimizer, which rescales the gradient: there the penalty is decoupled from the loss, as AdamW's decay is.

    Args:
        optimizer: About to step; not modified.

    Returns:
        One length for each group: a float, or a tensor of its own where the rate is a tensor, which stays when that is
        written to. Made without waiting for the device.

    Raises:
        ValueError: The momentum of SGD is 1 or more: no length is finite.

    Example:
        >>> step_lengths(SGD([nn.Parameter(Tensor([1.0]))], lr=0.5, momentum=0.75))
        [2.0]

    Reference:
        Polyak, "Some Methods of Speeding up the Convergence of Iteration Methods", 1964, section 2;
        Zhuang et al., "Understanding AdamW through Proximal Methods and Scale-Freeness", TMLR 2022, section 3.
    """
    gain = _momentum_gain if isinstance(optimizer, SGD) else _no_gain
    return [group["lr"] * gain(group) for group in optimizer.param_groups]


def _no_gain(_group: dict[str, Any]) -> float:
    return 1.0


def _momentum_gain(group: dict[str, Any]) -> float:
    momentum, dampening = float(group["momentum"]), float(group["dampening"])
    if momentum >= 1:
        remedy = "With it no step length is finite."
        raise ValueError(message("regularizers.step_lengths", "momentum", "be below 1", momentum, remedy))
    return (1 - dampening) / (1 - momentum) if momentum else 1.0  # torch dampens only what has momentum


def is_skipped(optimizer: Optimizer) -> bool:
    """Tell, right after its step, whether mixed precision made a fused optimizer skip it.

    Other optimizers are not called at all on overflow. Waits for the device, where there is a gradient scaler only.

    Args:
        optimizer: Not modified.

    Returns:
        Whether its weights stayed as they were.

    Example:
        >>> is_skipped(SGD([nn.Parameter(Tensor([1.0]))]))
        False
    """
    found_inf = vars(optimizer).get("found_inf")
    return found_inf is not None and bool(found_inf.item())
