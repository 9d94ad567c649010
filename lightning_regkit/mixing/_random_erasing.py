"""Random erasing: erase rectangles of random area and aspect, the general form of cutout."""

import math
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from torch import Tensor

from lightning_regkit._checks import message, positive_float, positive_int
from lightning_regkit.mixing._erasing import ErasingDraw, erase
from lightning_regkit.mixing._regions import check_size_px

__all__ = ["ErasingShape", "apply_random_erasing", "draw_random_erasing"]

DRAW: Final = "mixing.draw_random_erasing"
ATTEMPTS: Final = 10
NUM_ENDS: Final = 2


def _check_range(argument: str, value: object) -> None:
    if not isinstance(value, tuple) or len(value) != NUM_ENDS:
        raise TypeError(message("ErasingShape", argument, "be a tuple (smallest, largest)", value))
    low, high = (positive_float("ErasingShape", argument, end) for end in value)
    if low > high:
        raise ValueError(message("ErasingShape", argument, "have its ends in order", value))


@final
@dataclass(frozen=True)
class ErasingShape:
    """The rectangles of random erasing.

    Args:
        area: Smallest and largest area as a share of the image, in (0, 1].
        aspect: Smallest and largest height / width, above 0.
        holes: Rectangles an image, >= 1; they may overlap.

    Raises:
        TypeError: A range is no tuple of two numbers, or ``holes`` no integer.
        ValueError: A range is out of bounds or its ends are not in order, or ``holes`` is below 1.

    Example:
        >>> ErasingShape(area=(0.1, 0.1), aspect=(1.0, 1.0))
        ErasingShape(area=(0.1, 0.1), aspect=(1.0, 1.0), holes=1)
    """

    area: tuple[float, float] = (0.02, 0.33)
    aspect: tuple[float, float] = (0.3, 3.3)
    holes: int = 1

    def __post_init__(self) -> None:
        _check_range("area", self.area)
        _check_range("aspect", self.aspect)
        if self.area[1] > 1:
            raise ValueError(message("ErasingShape", "area", "be at most 1", self.area))
        positive_int("ErasingShape", "holes", self.holes)


DEFAULT_SHAPE: Final = ErasingShape()


def draw_random_erasing(
    batch_size: int,
    *,
    size_px: tuple[int, int],
    generator: np.random.Generator,
    shape: ErasingShape = DEFAULT_SHAPE,
) -> ErasingDraw:
    """Draw rectangles for every image, uniform over the places where they are whole.

    With the area S uniform in ``area`` and the logarithm of the aspect r uniform in that of ``aspect``, the sides are
    sqrt(S r) and sqrt(S / r), rounded to pixels, at least 1. Ten attempts to fit into the image, then an empty box.

    Args:
        batch_size: B, >= 1.
        size_px: (H, W) of the images in pixels.
        generator: Source of all randomness.
        shape: Area, aspect and number of the rectangles.

    Returns:
        A draw whose boxes are inside the image; (0, 0, 0, 0) where no attempt fitted.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> draw = draw_random_erasing(2, size_px=(32, 32), generator=np.random.default_rng(0))
        >>> bool((draw.boxes[..., 2:].prod(-1) <= 0.4 * 32**2).all())
        True

    Reference:
        Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, algorithm 1.

    Differs from the paper:
        As in timm and torchvision, the aspect is log-uniform, so that high and wide are equally likely, and attempts
        end after ten. Each of several holes has the whole ``area`` (timm divides it). Erased pixels have one
        color: random values a pixel (the paper, timm's ``pixel``) are left out on purpose, being a draw on the device.
    """
    positive_int(DRAW, "batch_size", batch_size)
    size = np.array(check_size_px(DRAW, size_px))
    sides = _sides(shape, (batch_size, shape.holes, ATTEMPTS), int(size.prod()), generator)  # (B, K, A, 2)
    fits = (sides <= size).all(-1)  # (B, K, A)
    is_erased = fits.any(-1, keepdims=True)  # (B, K, 1)
    first = fits.argmax(-1)[..., None, None]
    length = np.take_along_axis(sides, first, axis=2)[:, :, 0] * is_erased  # (B, K, 2)
    start = generator.integers(size - length + 1) * is_erased
    return ErasingDraw(np.concatenate([start, length], axis=-1), *map(int, size))


def apply_random_erasing(
    inputs: Tensor, draw: ErasingDraw, *, fill: float | tuple[float, ...] = 0.0, inplace: bool = False
) -> Tensor:
    """Set the pixels of every image's rectangles to ``fill``; see :func:`apply_cutout`, which does the same.

    Args:
        inputs: Images (B, C, H, W), any floating dtype; modified only if ``inplace``.
        draw: From :func:`draw_random_erasing` for the same B, H, W.
        fill: Value of erased pixels, or a tuple of C, one a channel; after normalization, 0 is the mean color.
        inplace: Write into ``inputs``, which then must not be the data set itself.

    Returns:
        ``inputs`` if ``inplace``, else a new tensor of the dtype, shape, device and memory format of ``inputs``, equal
        to them outside the boxes. Made without waiting for the device.

    Raises:
        TypeError: ``inputs`` is not a floating tensor, or ``fill`` no number.
        ValueError: ``inputs`` are not the images of the draw; ``fill`` is not finite or not one a channel.

    Example:
        >>> import torch
        >>> draw = ErasingDraw(boxes=np.array([[[0, 1, 1, 2]]]), height=1, width=3)
        >>> apply_random_erasing(torch.ones(1, 2, 1, 3), draw, fill=(0.0, 5.0)).flatten(1)
        tensor([[1., 0., 0., 1., 5., 5.]])

    Reference:
        Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, algorithm 1.
    """
    return erase("mixing.apply_random_erasing", inputs, draw, fill, inplace=inplace)


def _sides(
    shape: ErasingShape, count: tuple[int, ...], pixels: int, generator: np.random.Generator
) -> np.ndarray[Any, np.dtype[np.int64]]:
    area = generator.uniform(*shape.area, size=count) * pixels
    low, high = map(math.log, shape.aspect)
    aspect = np.exp(generator.uniform(low, high, size=count))
    sides = np.sqrt(np.stack([area * aspect, area / aspect], axis=-1))
    return np.rint(sides).clip(min=1).astype(np.int64)
