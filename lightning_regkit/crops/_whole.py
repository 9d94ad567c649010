"""The whole image, its reflection and its shifts, from whole-pixel geometry alone."""

from collections.abc import Sequence
from itertools import chain

from lightning_regkit._boxes import Box
from lightning_regkit._checks import positive_int
from lightning_regkit.crops._sizes import resized_sizes
from lightning_regkit.crops._view import View

__all__ = ["flip", "shifts"]


def flip(height: int, width: int, *, resize_px: Sequence[int] = ()) -> tuple[View, ...]:
    """The whole image and its reflection, at every scale.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter sides the image is resized to; empty for the image as it is.

    Returns:
        Two views for every scale.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is below 1.

    Example:
        >>> [view.is_mirrored for view in flip(32, 32)]
        [False, True]
    """
    sizes = resized_sizes(height, width, resize_px)
    return tuple(View(size, Box(0, 0, *size), is_mirrored) for size in sizes for is_mirrored in (False, True))


def shifts(height: int, width: int, *, shift_px: int = 1, is_reflected: bool = True) -> tuple[View, ...]:
    """The image twice and shifted along the diagonal both ways, each with its reflection: the CIFAR protocol.

    Args:
        height: H of the image in pixels, > ``shift_px``.
        width: W in pixels, > ``shift_px``.
        shift_px: Length of the shifts down-right and up-left in pixels, >= 1.
        is_reflected: Whether each has its reflection; False where left and right mean something, as in digits.

    Returns:
        Eight views, six of them distinct: image and reflection weigh 1/4 each, the four shifted ones 1/8. Without
        reflections four, three of them distinct.

    Raises:
        TypeError: An argument is no integer.
        ValueError: A number is below 1, or the image is not larger than the shift.

    Example:
        >>> [(view.box.top, view.box.left) for view in shifts(32, 32)[::2]]
        [(0, 0), (0, 0), (-1, -1), (1, 1)]

    Reference:
        Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, multi-crop evaluation.

    Differs from the paper:
        The author's code averages logits: pass ``space="logits"`` to :func:`lightning_regkit.marginalize.combine`.
    """
    for name, value in (("height", height), ("width", width), ("shift_px", shift_px)):
        positive_int("crops.shifts", name, value)
    offsets = (0, 0, -shift_px, shift_px)
    plain = (View((height, width), Box(offset, offset, height, width)) for offset in offsets)
    if not is_reflected:
        return tuple(plain)
    return tuple(chain.from_iterable((view, view.mirrored()) for view in plain))
