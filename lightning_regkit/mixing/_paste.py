"""Boxes of pasted pixels, as fast as the memory allows."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_regkit.mixing._in_place import bits, is_plain, overwrite_order
from lightning_regkit.mixing._regions import region_mask
from lightning_regkit.mixing._tensors import on_device

__all__ = ["paste", "paste_color"]

Boxes = np.ndarray[Any, np.dtype[np.int64]]


def paste(inputs: Tensor, boxes: Boxes, partner: np.ndarray[Any, np.dtype[np.int64]], *, inplace: bool) -> Tensor:
    """Put the pixels of the partner's box in place of every image's own. Checks nothing.

    Three operators on a device (four in place); on the CPU one small copy an image instead, with equal result.

    Args:
        inputs: Images (B, C, H, W), any floating dtype.
        boxes: One box an image, inside it, int64 (B, 4).
        partner: Index of the other image, int64 (B,).
        inplace: Write into ``inputs``.

    Returns:
        ``inputs`` if in place, else a new tensor of the same dtype, shape, device and memory format.

    Example:
        >>> paste(torch.tensor([[[[1.0, 2.0]]], [[[3.0, 4.0]]]]), np.array([[0, 0, 1, 1]] * 2), np.array([1, 0]),
        ...       inplace=False).flatten(1)
        tensor([[3., 2.],
                [1., 4.]])
    """
    if is_plain(inputs):
        pasted = inputs if inplace else inputs.clone()
        _copy_boxes(bits(pasted), bits(inputs), boxes, partner.tolist())
        torch.autograd.graph.increment_version(pasted)
        return pasted
    mask = region_mask(boxes[:, None], (inputs.shape[2], inputs.shape[3]), inputs.device)
    mixed = torch.where(mask, inputs[on_device(partner, inputs.device)], inputs)
    return inputs.copy_(mixed) if inplace else mixed


def paste_color(inputs: Tensor, boxes: Boxes, color: tuple[float, ...], *, inplace: bool) -> Tensor:
    """Put one color in place of the pixels of every image's boxes. Checks nothing.

    Two operators on a device (one more in place, one more for several boxes an image); on the CPU one small copy a box
    instead, with equal result.

    Args:
        inputs: Images (B, C, H, W), any floating dtype.
        boxes: K boxes an image, inside it, int64 (B, K, 4).
        color: C values, one a channel, or a single one for all.
        inplace: Write into ``inputs``.

    Returns:
        ``inputs`` if in place, else a new tensor of the same dtype, shape, device and memory format.

    Example:
        >>> paste_color(torch.ones(1, 1, 1, 3), np.array([[[0, 1, 1, 2]]]), (0.0,), inplace=False)
        tensor([[[[1., 0., 0.]]]])
    """
    values = torch.tensor([[[value]] for value in color], dtype=inputs.dtype)  # (C, 1, 1)
    if is_plain(inputs):
        pasted = inputs if inplace else inputs.clone()
        pixels, value = bits(pasted), bits(values)
        for image, holes in zip(pixels, boxes.tolist(), strict=True):
            for top, left, height, width in holes:
                image[:, top : top + height, left : left + width] = value
        torch.autograd.graph.increment_version(pasted)
        return pasted
    mask = region_mask(boxes, (inputs.shape[2], inputs.shape[3]), inputs.device)
    erased = torch.where(mask, values.to(inputs.device, non_blocking=True), inputs)
    return inputs.copy_(erased) if inplace else erased


def _copy_boxes(target: np.ndarray[Any, Any], source: np.ndarray[Any, Any], boxes: Boxes, partner: list[int]) -> None:
    """Copy boxes between two batches, which may be one: then each is read before it is overwritten."""
    order, late = overwrite_order(partner)
    corners = [(slice(None), slice(t, t + h), slice(left, left + w)) for t, left, h, w in boxes.tolist()]
    read = [source[other][corner] for other, corner in zip(partner, corners, strict=True)]
    for index in late:
        read[index] = read[index].copy()
    for index in order:
        target[index][corners[index]] = read[index]
