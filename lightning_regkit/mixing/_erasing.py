"""What cutout and random erasing share: a draw of boxes, and one color for them."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from torch import Tensor

from lightning_regkit._checks import finite_float, message
from lightning_regkit.mixing._paste import paste_color
from lightning_regkit.mixing._regions import check_boxes, check_images

__all__ = ["ErasingDraw", "check_fill", "erase"]


@final
@dataclass(frozen=True, eq=False)
class ErasingDraw:
    """The random part of cutout or random erasing for one batch.

    Args:
        boxes: Erased pixels of every image, K boxes (top, left, height, width), int64 (B, K, 4), inside the image.
        height: H of the images.
        width: W of the images.

    Raises:
        TypeError: ``boxes`` is no int64 array.
        ValueError: ``boxes`` is not (B, K, 4), B and K >= 1, or a box is not inside the image.

    Example:
        >>> ErasingDraw(boxes=np.array([[[0, 0, 2, 2]]]), height=4, width=4).batch_size
        1
    """

    boxes: np.ndarray[Any, np.dtype[np.int64]]
    height: int
    width: int

    def __post_init__(self) -> None:
        check_boxes("ErasingDraw", self.boxes, ("B", "K", "4"), (self.height, self.width))

    @property
    def batch_size(self) -> int:
        """Number of images B, >= 1."""
        return len(self.boxes)


def check_fill(owner: str, fill: object) -> tuple[float, ...]:
    """Return the color of erased pixels as a tuple, or refuse it.

    Args:
        owner: Public name of what the user called.
        fill: A finite number for all channels, or a tuple of them, one a channel.

    Returns:
        The numbers: one, or one a channel.

    Raises:
        TypeError: A value is no number.
        ValueError: A value is not finite, or there is none.

    Example:
        >>> check_fill("Cutout", 0.5), check_fill("Cutout", (0.1, 0.2, 0.3))
        ((0.5,), (0.1, 0.2, 0.3))
    """
    values = fill if isinstance(fill, tuple) else (fill,)
    if not values:
        raise ValueError(message(owner, "fill", "be a number, or one a channel", fill))
    return tuple(finite_float(owner, "fill", value) for value in values)


def erase(owner: str, inputs: Tensor, draw: ErasingDraw, fill: float | tuple[float, ...], *, inplace: bool) -> Tensor:
    """Set the pixels of every image's boxes to ``fill``, or refuse to.

    Args:
        owner: Public name of what the user called.
        inputs: Images (B, C, H, W), any floating dtype; modified only if ``inplace``.
        draw: For the same B, H, W.
        fill: Value of erased pixels, or one a channel.
        inplace: Write into ``inputs``.

    Returns:
        ``inputs`` if ``inplace``, else a new tensor of the same dtype, shape, device and memory format.

    Raises:
        TypeError: ``inputs`` is not a floating tensor, or ``fill`` no number.
        ValueError: ``inputs`` are not the images of the draw, or ``fill`` is not finite or not one a channel.

    Example:
        >>> import torch
        >>> draw = ErasingDraw(boxes=np.array([[[0, 1, 1, 2]]]), height=1, width=3)
        >>> erase("mixing.apply_cutout", torch.ones(1, 1, 1, 3), draw, 0.0, inplace=False)
        tensor([[[[1., 0., 0.]]]])
    """
    check_images(owner, inputs, draw.batch_size, (draw.height, draw.width))
    color = check_fill(owner, fill)
    channels = inputs.shape[1]
    if len(color) not in {1, channels}:
        raise ValueError(message(owner, "fill", f"be a number, or one a channel, {channels}", fill))
    return paste_color(inputs, draw.boxes, color, inplace=inplace)
