"""Where the papers' training crops lie: drawn from the size of an image alone, before a pixel is read."""

import math
from typing import Final

import numpy as np

from lightning_regkit._boxes import Box, shorter_side_to
from lightning_regkit._checks import message, positive_float, positive_int
from lightning_regkit.augment._ranges import ends
from lightning_regkit.augment._scaled_box import ScaledBox, check_crop

__all__ = ["check_inception", "check_resnet", "draw_inception_crop", "draw_resnet_crop"]

RESNET: Final = "augment.draw_resnet_crop"
INCEPTION: Final = "augment.draw_inception_crop"
ATTEMPTS: Final = 10


def draw_resnet_crop(
    height: int,
    width: int,
    *,
    generator: np.random.Generator,
    resize_px: tuple[int, int] = (256, 480),
    crop_px: int = 224,
) -> ScaledBox:
    """Draw a scale, then a square somewhere: the training crop of ResNet.

    The shorter side becomes L, uniform over the integers of ``resize_px``, ends included; the longer one is rounded
    down, as torchvision does. The square is uniform over all places where it is whole.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        generator: Source of all randomness.
        resize_px: Smallest and largest shorter side after resizing, in pixels.
        crop_px: Side of the square, from 1 to the smallest shorter side.

    Returns:
        A draw whose box is ``crop_px`` square and inside ``resized_px``.

    Raises:
        TypeError: A number is no integer, or ``resize_px`` no tuple of two.
        ValueError: A number is below 1, the ends are not in order, or the crop does not fit.

    Example:
        >>> draw = draw_resnet_crop(375, 500, generator=np.random.default_rng(0))
        >>> 256 <= min(draw.resized_px) <= 480, draw.box.height, draw.box.width
        (True, 224, 224)

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.4; Simonyan and Zisserman, "Very
        Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, section 3.1.
    """
    positive_int(RESNET, "height", height)
    positive_int(RESNET, "width", width)
    low, high = check_resnet(RESNET, resize_px, crop_px)
    resized = shorter_side_to(height, width, int(generator.integers(low, high, endpoint=True)))
    top, left = (int(generator.integers(length - crop_px + 1)) for length in resized)
    return ScaledBox((height, width), resized, Box(top, left, crop_px, crop_px))


def draw_inception_crop(
    height: int,
    width: int,
    *,
    generator: np.random.Generator,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> Box:
    """Draw a rectangle of random area and aspect, uniform over all places where it is whole: the crop of Inception.

    With the area S uniform in ``area`` and the logarithm of the aspect r uniform in that of ``aspect``, the width is
    sqrt(S r) and the height sqrt(S / r), rounded to pixels. Ten attempts to fit into the image, then the largest box
    in its center whose aspect is in range.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        generator: Source of all randomness.
        area: Smallest and largest area as a share of the image, in (0, 1].
        aspect: Smallest and largest width / height, above 0.

    Returns:
        A box inside the image, of at least one pixel, to be resized to the side that the network takes.

    Raises:
        TypeError: A number is of the wrong kind, or a range no tuple of two.
        ValueError: A number is out of range, or the ends are not in order.

    Example:
        >>> box = draw_inception_crop(375, 500, generator=np.random.default_rng(0))
        >>> box == box.clip(375, 500), 0.07 < box.area / (375 * 500) <= 1
        (True, True)

    Reference:
        Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6.

    Differs from the paper:
        As in torchvision's ``RandomResizedCrop``, whose law this is: the aspect is log-uniform, and attempts end after
        ten. The paper says neither.
    """
    positive_int(INCEPTION, "height", height)
    positive_int(INCEPTION, "width", width)
    (smallest, largest), (narrow, wide) = check_inception(INCEPTION, area, aspect)
    for _ in range(ATTEMPTS):
        pixels = generator.uniform(smallest, largest) * height * width
        ratio = math.exp(generator.uniform(math.log(narrow), math.log(wide)))
        rows, columns = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
        if 0 < rows <= height and 0 < columns <= width:
            top, left = generator.integers(height - rows + 1), generator.integers(width - columns + 1)
            return Box(int(top), int(left), rows, columns)
    return _central(height, width, narrow, wide)


def check_resnet(owner: str, resize_px: object, crop_px: object) -> tuple[int, int]:
    """Return the range of the shorter side if the crop fits into its smallest, else raise."""
    low, high = ends(owner, "resize_px", resize_px, positive_int)
    check_crop(owner, crop_px, low)
    return low, high


def check_inception(owner: str, area: object, aspect: object) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ranges of area and aspect if they are possible, else raise."""
    smallest, largest = ends(owner, "area", area, positive_float)
    if largest > 1:
        raise ValueError(message(owner, "area", "be at most 1", area))
    return (smallest, largest), ends(owner, "aspect", aspect, positive_float)


def _central(height: int, width: int, narrow: float, wide: float) -> Box:
    rows = height if width / height >= narrow else max(1, round(width / narrow))
    columns = width if width / height <= wide else max(1, round(height * wide))
    return Box((height - rows) // 2, (width - columns) // 2, rows, columns)
