"""Convex combinations of pairs of examples, as fast as the memory allows."""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit.mixing._in_place import is_plain, overwrite_order
from lightning_regkit.mixing._mixture import Mixture
from lightning_regkit.mixing._tensors import mix_pairs

__all__ = ["blend"]

#: Elements of one operator in place: torch starts threads for more, which cost more than they save.
PIECE: Final = 32768


def blend(inputs: Tensor, draw: Mixture, *, inplace: bool) -> Tensor:
    """Mix examples: lam_i x_i + (1 - lam_i) x_partner(i). Checks nothing.

    Two operators on a device (three in place); on the CPU one pass over the memory instead, equal up to rounding.

    Args:
        inputs: Examples (B, ...), any floating dtype.
        draw: Weights and partners of B examples.
        inplace: Write into ``inputs``.

    Returns:
        ``inputs`` if in place, else a new tensor of the same dtype, shape, device and memory format.

    Example:
        >>> from lightning_regkit.mixing import MixupDraw
        >>> draw = MixupDraw(lam=np.array([0.75, 0.75], dtype=np.float32), partner=np.array([1, 0]))
        >>> blend(torch.tensor([0.0, 4.0]), draw, inplace=False)
        tensor([1., 3.])
    """
    if is_plain(inputs) and _is_dense(inputs):
        rows = inputs.as_strided((draw.batch_size, inputs[0].numel()), (inputs[0].numel(), 1))  # (B, pixels)
        lam = torch.from_numpy(draw.lam).to(inputs.dtype)
        mixed = _overwrite(rows, lam, draw) if inplace else _sum_pairs(rows, lam, draw)
        return inputs if inplace else mixed.as_strided(inputs.shape, inputs.stride())
    mixed = mix_pairs(inputs, draw.lam, draw.partner)
    return inputs.copy_(mixed) if inplace else mixed


def _overwrite(rows: Tensor, lam: Tensor, draw: Mixture) -> Tensor:
    partner = draw.partner.tolist()
    order, late = overwrite_order(partner)
    weights = lam.tolist()
    for pieces in rows.split(PIECE, dim=1):
        own = pieces.unbind()
        saved = {index: own[partner[index]].clone() for index in late}
        for index in order:
            torch.lerp(saved.get(index, own[partner[index]]), own[index], weights[index], out=own[index])
    return rows


def _sum_pairs(rows: Tensor, lam: Tensor, draw: Mixture) -> Tensor:
    pairs = torch.from_numpy(np.stack([np.arange(draw.batch_size), draw.partner], axis=1))  # (B, 2)
    weights = torch.stack([lam, 1 - lam], dim=1)  # (B, 2)
    # A weighted sum of rows of a table: the one operator that reads both parents and writes the mixture in one pass.
    return F.embedding_bag(pairs, rows, per_sample_weights=weights, mode="sum")


def _is_dense(inputs: Tensor) -> bool:
    """Tell whether the examples lie one after the other, each without gaps."""
    layout = sorted((stride, size) for stride, size in zip(inputs.stride(), inputs.shape, strict=True) if size > 1)
    expected = 1
    for stride, size in layout:
        if stride != expected:
            return False
        expected *= size
    return inputs.numel() > 0 and (len(inputs) == 1 or inputs.stride(0) == inputs[0].numel())
