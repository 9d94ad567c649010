"""Boxes of pixels in a batch of images: (top, left, height, width), int64."""

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from lightning_regkit._checks import message, positive_int
from lightning_regkit.mixing._tensors import check_array, check_batch, check_floating, on_device

__all__ = ["BOX", "check_boxes", "check_images", "check_size_px", "clip_boxes", "region_mask"]

BOX: Final = ("top", "left", "height", "width")
IMAGE_NDIM: Final = 4
NUM_SIDES: Final = 2
Boxes = np.ndarray[Any, np.dtype[np.int64]]


def check_size_px(owner: str, size_px: object) -> tuple[int, int]:
    """Return the height and width of images, or refuse them.

    Args:
        owner: Public name of what the user called.
        size_px: (H, W) in pixels, each >= 1; ``tuple(inputs.shape[-2:])``.

    Returns:
        ``size_px``.

    Raises:
        TypeError: ``size_px`` is no tuple of two, or a side no integer.
        ValueError: A side is below 1.

    Example:
        >>> check_size_px("mixing.draw_cutmix", (32, 48))
        (32, 48)
    """
    if not isinstance(size_px, tuple) or len(size_px) != NUM_SIDES:
        raise TypeError(message(owner, "size_px", "be a tuple (H, W)", size_px))
    height, width = size_px
    return positive_int(owner, "H of size_px", height), positive_int(owner, "W of size_px", width)


def check_boxes(owner: str, boxes: object, shape: tuple[str, ...], size_px: tuple[int, int]) -> None:
    """Refuse boxes that are not inside the images.

    Args:
        owner: Public name of what the user called.
        boxes: int64 array of that shape, none of its dimensions 0.
        shape: Letters of its dimensions, such as ``("B", "4")``.
        size_px: (H, W) of the images.

    Raises:
        TypeError: ``boxes`` is no int64 array.
        ValueError: It is of another shape, or a box is not inside the image.

    Example:
        >>> check_boxes("CutMixDraw", np.array([[0, 0, 2, 2]]), ("B", "4"), (4, 4))
    """
    given = check_array(owner, "boxes", boxes, np.int64)
    if given.ndim != len(shape) or given.shape[-1] != len(BOX) or not given.size:
        raise ValueError(message(owner, "boxes", f"be of shape ({', '.join(shape)})", given.shape))
    if (given < 0).any() or (given[..., :2] + given[..., 2:] > np.array(size_px)).any():
        condition = f"be inside the image, {size_px[0]} x {size_px[1]}"
        raise ValueError(message(owner, "boxes", condition, given.tolist()))


def check_images(owner: str, inputs: Tensor, batch_size: int, size_px: tuple[int, int]) -> None:
    """Refuse inputs that are not the images of a draw.

    Args:
        owner: Public name of what the user called.
        inputs: Tensor to look at; its shape and dtype only.
        batch_size: B of the draw.
        size_px: (H, W) of the draw.

    Raises:
        TypeError: ``inputs`` is no floating tensor.
        ValueError: ``inputs`` is of another batch size, height or width than the draw, or not (B, C, H, W).

    Example:
        >>> check_images("mixing.apply_cutmix", torch.zeros(2, 3, 8, 6), 2, (8, 6))
    """
    check_batch(owner, "inputs", inputs, batch_size)
    check_floating(owner, "inputs", inputs)
    if inputs.ndim != IMAGE_NDIM or tuple(inputs.shape[2:]) != size_px:
        condition = f"be images (B, C, {size_px[0]}, {size_px[1]}), as the draw"
        raise ValueError(message(owner, "inputs", condition, tuple(inputs.shape)))


def clip_boxes(start: Boxes, length: int | Boxes, size_px: tuple[int, int]) -> Boxes:
    """Cut boxes at the border of the image.

    Args:
        start: First row and column, int64 (..., 2); below 0 where the box begins outside.
        length: Rows and columns, >= 0, int64 (..., 2), or one number.
        size_px: (H, W) of the images.

    Returns:
        The parts inside, int64 (..., 4); a box is empty where there is none.

    Example:
        >>> clip_boxes(np.array([[-2, 5]]), 4, (8, 8))
        array([[0, 5, 2, 3]])
    """
    first, last = np.clip(start, 0, size_px), np.clip(start + length, 0, size_px)
    return np.concatenate([first, last - first], axis=-1)


def region_mask(boxes: Boxes, size_px: tuple[int, int], device: torch.device) -> Tensor:
    """Mark the pixels of boxes, on the device and without waiting for it.

    Args:
        boxes: K boxes an image, inside it, int64 (B, K, 4).
        size_px: (H, W) of the images.
        device: Where the mask goes.

    Returns:
        bool (B, 1, H, W), true inside any of the boxes. Made by one operator, or two if K > 1.

    Example:
        >>> region_mask(np.array([[[0, 1, 1, 2]]]), (2, 3), torch.device("cpu")).long().tolist()
        [[[[0, 1, 1], [0, 0, 0]]]]
    """
    rows, columns = (
        (index >= boxes[..., axis, None]) & (index < (boxes[..., axis, None] + boxes[..., axis + 2, None]))
        for axis, index in enumerate(map(np.arange, size_px))
    )
    inside = on_device(rows[..., :, None], device) & on_device(columns[..., None, :], device)  # (B, K, H, W)
    return inside.any(1, keepdim=True) if boxes.shape[1] > 1 else inside
