"""Axis-aligned boxes of whole pixels, and sizes in them."""

from dataclasses import dataclass
from typing import final

from lightning_regkit._checks import message, non_negative_int

__all__ = ["Box", "shorter_side_to"]


@final
@dataclass(frozen=True)
class Box:
    """The pixels of rows ``top`` to ``top + height - 1`` and columns ``left`` to ``left + width - 1``.

    Args:
        top: First row; negative when the box begins above the image.
        left: First column; negative when the box begins left of the image.
        height: Rows, >= 0.
        width: Columns, >= 0.

    Raises:
        TypeError: A field is no integer.
        ValueError: ``height`` or ``width`` is negative.

    Example:
        >>> Box(top=-2, left=5, height=4, width=4).clip(height=8, width=8)
        Box(top=0, left=5, height=2, width=3)
    """

    top: int
    left: int
    height: int
    width: int

    def __post_init__(self) -> None:
        for name in ("top", "left"):
            value = vars(self)[name]
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(message("Box", name, "be an integer", value))
        non_negative_int("Box", "height", self.height)
        non_negative_int("Box", "width", self.width)

    @property
    def area(self) -> int:
        """Number of pixels, >= 0."""
        return self.height * self.width

    def clip(self, height: int, width: int) -> "Box":
        """Cut the box at the border of an image.

        Args:
            height: Rows of the image, >= 0.
            width: Columns of the image, >= 0.

        Returns:
            The part inside the image; with an area of 0, and still inside, when there is none.

        Example:
            >>> Box(top=9, left=0, height=4, width=4).clip(height=8, width=8)
            Box(top=8, left=0, height=0, width=4)
        """
        top, bottom = (min(max(edge, 0), height) for edge in (self.top, self.top + self.height))
        left, right = (min(max(edge, 0), width) for edge in (self.left, self.left + self.width))
        return Box(top, left, bottom - top, right - left)


def shorter_side_to(height: int, width: int, side_px: int) -> tuple[int, int]:
    """Size of an image whose shorter side becomes ``side_px``, its shape kept.

    Args:
        height: H in pixels, >= 1.
        width: W in pixels, >= 1.
        side_px: New shorter side in pixels, >= 1.

    Returns:
        (height, width), the longer one rounded down as torchvision does.

    Example:
        >>> shorter_side_to(375, 500, 256)
        (256, 341)
    """
    shorter, longer = sorted((height, width))
    scaled = side_px * longer // shorter
    return (side_px, scaled) if height <= width else (scaled, side_px)
