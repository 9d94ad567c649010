"""One view of an image: how it is resized, which part is taken, and whether it is mirrored."""

from dataclasses import dataclass
from typing import final

from lightning_regkit._boxes import Box
from lightning_regkit._checks import message, positive_int

__all__ = ["View"]


@final
@dataclass(frozen=True)
class View:
    """What becomes of an image before the model sees it: resize, then cut, then mirror.

    Args:
        size_px: (height, width) the whole image is resized to, >= 1.
        box: Part of the resized image. Where it lies outside, the image goes on by reflection, the edge not repeated.
        is_mirrored: Whether left and right of that part are exchanged.

    Raises:
        TypeError: A size is no integer.
        ValueError: A size is below 1, the box is empty, or it goes on beyond one reflection.

    Example:
        >>> View(size_px=(256, 340), box=Box(16, 58, 224, 224)).mirrored()
        View(size_px=(256, 340), box=Box(top=16, left=58, height=224, width=224), is_mirrored=True)
    """

    size_px: tuple[int, int]
    box: Box
    is_mirrored: bool = False

    def __post_init__(self) -> None:
        for name, side in zip(("height", "width"), self.size_px, strict=True):
            positive_int("View", f"{name} of size_px", side)
        if self.box.area == 0:
            raise ValueError(message("View", "box", "hold at least one pixel", self.box))
        if any(over >= side for side, over in zip(self.size_px * 2, self.overhang, strict=True)):
            condition = f"be within one reflection of the image, {self.size_px[0]} x {self.size_px[1]}"
            raise ValueError(message("View", "box", condition, self.box))

    @property
    def overhang(self) -> tuple[int, int, int, int]:
        """Pixels of the box above, left of, below and right of the image, each >= 0."""
        (height, width), box = self.size_px, self.box
        beyond = (-box.top, -box.left, box.top + box.height - height, box.left + box.width - width)
        above, left, below, right = (max(edge, 0) for edge in beyond)
        return above, left, below, right

    def mirrored(self) -> "View":
        """Return the view that shows the same pixels, left and right exchanged."""
        return View(self.size_px, self.box, not self.is_mirrored)
