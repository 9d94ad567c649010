"""The distributions that single views predict, side by side."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from lightning_regkit._checks import one_of
from lightning_regkit.marginalize._averaging import ACTIVATIONS

__all__ = ["view_probabilities"]

CLASS_DIM: Final = 1
VIEW_DIM: Final = 1


def view_probabilities(scores: Sequence[Tensor], activation: str = "softmax") -> Tensor:
    """Turn the scores of every view into what it predicts, without a mean.

    Args:
        scores: What the model returned for each of V >= 1 views, (B, K, ...) or for sigmoid and none also (B,), all of
            one shape and any floating dtype; not modified.
        activation: ``"softmax"`` over dimension 1 of each, ``"sigmoid"`` element by element, or ``"none"``.

    Returns:
        (B, V, K, ...) or (B, V), float32, or float64 if ``scores`` are. Made without waiting for the device.

    Raises:
        ValueError: ``activation`` is unknown.

    Example:
        >>> view_probabilities([torch.tensor([[0.75, 0.25]]).log(), torch.tensor([[0.5, 0.5]]).log()])
        tensor([[[0.7500, 0.2500],
                 [0.5000, 0.5000]]])
    """
    one_of("marginalize.view_probabilities", "activation", activation, ACTIVATIONS)
    stacked = torch.stack(list(scores), VIEW_DIM)
    exact = stacked.to(torch.promote_types(stacked.dtype, torch.float32))
    if activation == "softmax":
        return exact.softmax(CLASS_DIM + 1)
    return exact.sigmoid() if activation == "sigmoid" else exact
