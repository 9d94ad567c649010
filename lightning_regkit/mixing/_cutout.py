"""Cutout: erase squares of every image."""

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
from torch import Tensor

from lightning_regkit._checks import message, one_of, positive_int
from lightning_regkit.mixing._erasing import ErasingDraw, erase
from lightning_regkit.mixing._regions import check_size_px, clip_boxes

__all__ = ["CutoutShape", "apply_cutout", "draw_cutout"]

DRAW: Final = "mixing.draw_cutout"
BORDERS: Final = ("clip", "inside")


@final
@dataclass(frozen=True)
class CutoutShape:
    """The squares of cutout, in pixels.

    Args:
        length_px: Side of a square, >= 1, before the border cuts it.
        border: ``"clip"``: the center is uniform over all pixels and the border cuts. ``"inside"``: the square is
            uniform over all places where it is whole.
        holes: Squares an image, >= 1; they may overlap.

    Raises:
        TypeError: ``length_px`` or ``holes`` is no integer.
        ValueError: One of them is below 1, or ``border`` another word.

    Example:
        >>> CutoutShape(16, border="inside")
        CutoutShape(length_px=16, border='inside', holes=1)
    """

    length_px: int
    border: Literal["clip", "inside"] = "clip"
    holes: int = 1

    def __post_init__(self) -> None:
        positive_int("CutoutShape", "length_px", self.length_px)
        one_of("CutoutShape", "border", self.border, BORDERS)
        positive_int("CutoutShape", "holes", self.holes)


def draw_cutout(
    batch_size: int, *, size_px: tuple[int, int], shape: CutoutShape, generator: np.random.Generator
) -> ErasingDraw:
    """Draw squares for every image.

    With the center at row c, the rows are c - L // 2 to c - L // 2 + L - 1 for a side L; columns alike. The border
    cuts, so less than L² is erased on average: 19.1 % of the image, not 25 %, for 16 of 32.

    Args:
        batch_size: B, >= 1.
        size_px: (H, W) of the images in pixels.
        shape: Side, border and number of the squares; the side at most the shorter side of the images.
        generator: Source of all randomness.

    Returns:
        A draw whose boxes are inside the image and at least 1 x 1; whole squares if ``border="inside"``.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> draw = draw_cutout(2, size_px=(32, 32), shape=CutoutShape(16), generator=np.random.default_rng(0))
        >>> bool((draw.boxes[..., 2:] >= 8).all() and (draw.boxes[..., 2:] <= 16).all())
        True

    Reference:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017, section 3.

    Differs from the paper:
        Equal to the authors' code for even sides. Of odd sides theirs erases one pixel less each way.
        ``border="inside"`` is no part of it.
    """
    positive_int(DRAW, "batch_size", batch_size)
    size, length = check_size_px(DRAW, size_px), shape.length_px
    if length > min(size):
        condition = f"be at most the shorter side, {min(size)}"
        raise ValueError(message(DRAW, "length_px", condition, length))
    places = np.array(size) if shape.border == "clip" else np.array(size) - length + 1
    place = generator.integers(places, size=(batch_size, shape.holes, 2))
    start = place - length // 2 if shape.border == "clip" else place
    return ErasingDraw(clip_boxes(start, length, size), *size)


def apply_cutout(
    inputs: Tensor, draw: ErasingDraw, *, fill: float | tuple[float, ...] = 0.0, inplace: bool = False
) -> Tensor:
    """Set the pixels of every image's squares to ``fill``.

    Args:
        inputs: Images (B, C, H, W), any floating dtype; modified only if ``inplace``.
        draw: From :func:`draw_cutout` for the same B, H, W.
        fill: Value of erased pixels, or a tuple of C, one a channel; after normalization, 0 is the mean color.
        inplace: Write into ``inputs``, which then must not be the data set itself.

    Returns:
        ``inputs`` if ``inplace``, else a new tensor of the dtype, shape, device and memory format of ``inputs``, equal
        to them outside the boxes. Made without waiting for the device.

    Raises:
        TypeError: ``inputs`` is not a floating tensor, or ``fill`` no number.
        ValueError: ``inputs`` is of another batch size, height or width than the draw, or not (B, C, H, W); ``fill`` is
            not finite or not one a channel.

    Example:
        >>> import torch
        >>> draw = ErasingDraw(boxes=np.array([[[0, 1, 2, 1]]]), height=2, width=3)
        >>> apply_cutout(torch.ones(1, 1, 2, 3), draw)
        tensor([[[[1., 0., 1.],
                  [1., 0., 1.]]]])

    Reference:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017, section 3.
    """
    return erase("mixing.apply_cutout", inputs, draw, fill, inplace=inplace)
