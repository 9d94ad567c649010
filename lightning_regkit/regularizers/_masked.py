"""What a layer computes where its weights are masked, and the first two moments of it."""

from collections.abc import Mapping
from functools import partial
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lightning_regkit._checks import fraction, message

__all__ = ["Connected", "check_rate", "drop_connect", "gaussian_moments"]

#: Layers whose weights may be masked: linear in weights and bias.
Connected: TypeAlias = nn.Linear | nn.Conv2d


def drop_connect(
    layer: Connected, inputs: Tensor, p: float, *, per: str = "sample", weights: Mapping[str, Tensor] | None = None
) -> Tensor:
    """Compute (M * W) x + m * b, with masks drawn from the default generator of the weights' device.

    Args:
        layer: Linear or convolution; not modified.
        inputs: (B, ...), as the layer takes them; not modified.
        p: Probability that a weight is dropped, in [0, 1); those that stay are divided by 1 - p.
        per: ``"sample"`` or ``"batch"``: what has a mask of its own.
        weights: By name, in place of the layer's own.

    Returns:
        Outputs (B, ...), whose mean over masks is ``layer(inputs)``; gradients reach the weights that stayed.

    Raises:
        TypeError: ``p`` is no number.
        ValueError: It is not in [0, 1).

    Example:
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> layer.weight = nn.Parameter(torch.ones(1, 1))
        >>> sorted(set(drop_connect(layer, torch.ones(100, 1), 0.75).flatten().tolist()))
        [0.0, 4.0]

    Reference:
        Wan et al., "Regularization of Neural Networks using DropConnect", ICML 2013, section 2.
    """
    check_rate(p)
    own = dict(layer.named_parameters()) if weights is None else weights
    if per == "batch":
        return _called(layer, {name: weight * _mask(weight, p) for name, weight in own.items()}, inputs)
    masked = {name: weight * _mask(weight, p, len(inputs)) for name, weight in own.items()}  # (B, ...)
    device = inputs.device.type
    if torch.is_autocast_enabled(device):  # it does not reach into vmap
        dtype = torch.get_autocast_dtype(device)
        inputs, masked = inputs.to(dtype), {name: weight.to(dtype) for name, weight in masked.items()}
    return torch.vmap(partial(_called, layer))(masked, inputs)


def gaussian_moments(
    layer: Connected, inputs: Tensor, p: float, *, weights: Mapping[str, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Mean and variance of :func:`drop_connect` over masks, for every example and output.

        mean = W x + b,    variance = p / (1 - p) (W^2 x^2 + b^2), squares taken entry by entry.

    Args:
        layer: As for ``drop_connect``.
        inputs: As for ``drop_connect``.
        p: As for ``drop_connect``.
        weights: As for ``drop_connect``.

    Returns:
        Two tensors of the shape of ``layer(inputs)``.

    Raises:
        TypeError: ``p`` is no number.
        ValueError: It is not in [0, 1).

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> layer.load_state_dict({"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([0.5])})
        <All keys matched successfully>
        >>> [moment.item() for moment in gaussian_moments(layer, torch.tensor([[3.0, 1.0]]), 0.5)]
        [5.5, 13.25]

    Reference:
        Wan et al., "Regularization of Neural Networks using DropConnect", ICML 2013, section 3.1.

    Differs from the paper:
        Weights that stay are divided by 1 - p, so the mean is that of the plain layer and the variance p / (1 - p) of
        the sum of squares.
    """
    check_rate(p)
    own = dict(layer.named_parameters()) if weights is None else weights
    squares = {name: weight.square() for name, weight in own.items()}
    variance = _called(layer, squares, inputs.square()) * (p / (1 - p))
    return _called(layer, own, inputs), variance.clamp(min=0)


def check_rate(p: float) -> float:
    """Return ``p`` if it is a number in [0, 1), else raise ``TypeError`` or ``ValueError``."""
    if fraction("DropConnect", "p", p) == 1:
        raise ValueError(message("DropConnect", "p", "be below 1, or no weight is left", p))
    return p


def _called(layer: Connected, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    return cast("Tensor", functional_call(layer, dict(weights), (inputs,)))


def _mask(weight: Tensor, p: float, *batch: int) -> Tensor:
    return weight.new_empty((*batch, *weight.shape), requires_grad=False).bernoulli_(1 - p).div_(1 - p)
