"""A layout by name, before the size of an image is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, final

from lightning_regkit._checks import message, one_of
from lightning_regkit.crops._corners import CROP_PX, RESIZE_PX, center, five, ten
from lightning_regkit.crops._multiscale import SCALES_PX, multiscale_50, multiscale_fcn
from lightning_regkit.crops._view import View
from lightning_regkit.crops._whole import flip, shifts

__all__ = ["Layout"]


class _Cropping(Protocol):
    def __call__(self, height: int, width: int, *, resize_px: Sequence[int], crop_px: int) -> tuple[View, ...]: ...


class _Whole(Protocol):
    def __call__(self, height: int, width: int, *, resize_px: Sequence[int]) -> tuple[View, ...]: ...


CROPPING: Final[Mapping[str, _Cropping]] = {
    "center": center,
    "five": five,
    "multiscale_50": multiscale_50,
    "ten": ten,
}
WHOLE: Final[Mapping[str, _Whole]] = {"flip": flip, "multiscale_fcn": multiscale_fcn}
SHIFTS: Final = "shifts"
SCALES: Final[Mapping[str, Sequence[int]]] = {"flip": (), "multiscale_50": SCALES_PX, "multiscale_fcn": SCALES_PX}


@final
@dataclass(frozen=True)
class Layout:
    """A set of views by name, with its sizes.

    Args:
        name: ``"center"``, ``"five"``, ``"ten"``, ``"flip"``, ``"shifts"``, ``"multiscale_50"`` or
            ``"multiscale_fcn"``.
        resize_px: Shorter sides images are resized to, empty for images as they are; None for the layout's own: 256 for
            crops, none for ``"flip"``, the five scales for the others. Not for ``"shifts"``.
        crop_px: Side of the square crops; None for 224. Only for layouts that crop.
        shift_px: Length of the shifts; None for 1. Only for ``"shifts"``.
        is_reflected: Whether shifts have their reflections; None for yes. Only for ``"shifts"``.

    Raises:
        ValueError: ``name`` is unknown, or a size is given that the layout does not take.

    Example:
        >>> Layout("ten", resize_px=(36,), crop_px=32).num_views
        10
        >>> Layout("ten", resize_px=(36,), crop_px=32).views(40, 60)[1]
        View(size_px=(36, 54), box=Box(top=0, left=22, height=32, width=32), is_mirrored=False)
    """

    name: str
    resize_px: Sequence[int] | None = None
    crop_px: int | None = None
    shift_px: int | None = None
    is_reflected: bool | None = None

    def __post_init__(self) -> None:
        one_of("Layout", "name", self.name, [*CROPPING, *WHOLE, SHIFTS])
        self._refuse("crop_px", self.crop_px, is_taken=self.name in CROPPING)
        self._refuse("resize_px", self.resize_px, is_taken=self.name != SHIFTS)
        self._refuse("shift_px", self.shift_px, is_taken=self.name == SHIFTS)
        self._refuse("is_reflected", self.is_reflected, is_taken=self.name == SHIFTS)

    @property
    def cropped_px(self) -> int | None:
        """Side of the square crops in pixels; None of whole images."""
        return (self.crop_px or CROP_PX) if self.name in CROPPING else None

    @property
    def num_views(self) -> int:
        """Number of views V of an image of any size, those that coincide included."""
        side = self._least_px
        return len(self.views(side, side))

    @property
    def num_distinct(self) -> int:
        """Number of views of a square image that differ, where its size leaves crops to choose from."""
        side = 4 * self._least_px
        return len(set(self.views(side, side)))

    @property
    def needs_any_size(self) -> bool:
        """Whether the model is shown whole images at several sizes, so that it must take any."""
        return self.name in WHOLE and bool(self._sides_px)

    def views(self, height: int, width: int) -> tuple[View, ...]:
        """Return the views of an image of ``height`` x ``width``.

        Args:
            height: H in pixels, >= 1.
            width: W in pixels, >= 1.

        Raises:
            TypeError: A size is no integer.
            ValueError: A size is below 1, or a crop is larger than the resized image.
        """
        if self.name == SHIFTS:
            shift_px = 1 if self.shift_px is None else self.shift_px
            return shifts(height, width, shift_px=shift_px, is_reflected=self.is_reflected is not False)
        if self.name in WHOLE:
            return WHOLE[self.name](height, width, resize_px=self._sides_px)
        crop_px = CROP_PX if self.crop_px is None else self.crop_px
        return CROPPING[self.name](height, width, resize_px=self._sides_px, crop_px=crop_px)

    @property
    def _sides_px(self) -> Sequence[int]:
        return SCALES.get(self.name, RESIZE_PX) if self.resize_px is None else self.resize_px

    @property
    def _least_px(self) -> int:
        """Side of the smallest square image there are views of."""
        return max(self.cropped_px or 0, (self.shift_px or 1) + 1)

    def _refuse(self, argument: str, value: object, *, is_taken: bool) -> None:
        if value is not None and not is_taken:
            raise ValueError(message("Layout", argument, f"not be given for {self.name!r}", value))
