"""What the user chooses of crops at test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from lightning_regkit._checks import message, positive_int
from lightning_regkit.crops import Layout, refuse_cropped
from lightning_regkit.marginalize import Readout

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CropSettings", "layout_of"]

_SCORES_NDIM: Final = 2


def layout_of(owner: str, layout: str | Layout, resize_px: Sequence[int] | None, crop_px: int | None) -> Layout:
    """Return the layout that was named, with its own sizes or these.

    Args:
        owner: The callback's name, for messages.
        layout: A name, or a layout with its sizes.
        resize_px: Shorter sides images are resized to; None for the layout's own.
        crop_px: Side of the crops in pixels; None for the layout's own.

    Raises:
        TypeError: ``layout`` is neither, or a size is of the wrong kind.
        ValueError: The name is unknown, sizes do not go together, or they are given beside a ``Layout``.
    """
    if isinstance(layout, Layout):
        for name, value in (("resize_px", resize_px), ("crop_px", crop_px)):
            if value is not None:
                remedy = f"Write Layout({layout.name!r}, {name}={value!r})."
                raise ValueError(message(owner, name, "be left out beside a Layout", value, remedy))
        return layout
    if not isinstance(layout, str):
        raise TypeError(message(owner, "layout", "be a name or a Layout of lightning_regkit.crops", layout))
    return Layout(layout, resize_px=resize_px, crop_px=crop_px)


@final
@dataclass(frozen=True)
class CropSettings:
    """The choices of the user; ``owner`` is the name of the callback.

    Raises:
        TypeError: ``chunk`` is no integer.
        ValueError: It is below 1, the layout has no view of any image, or a curve is asked of what has no classes.
    """

    owner: str
    layout: Layout
    allow_upscale: bool
    chunk: int | None
    curve: bool
    per_view: bool
    readout: Readout

    def __post_init__(self) -> None:
        if self.chunk is not None:
            positive_int(self.owner, "chunk", self.chunk)
        _ = self.layout.num_views
        if self.curve and self.readout.activation != "softmax":
            remedy = "It counts right answers, which only a softmax has."
            condition = f"be False with activation {self.readout.activation!r}"
            raise ValueError(message(self.owner, "curve", condition, self.curve, remedy))

    def refuse_cropped(self, height: int, width: int) -> None:
        """Refuse images that leave nothing to choose crops from, unless that was allowed.

        Raises:
            ValueError: They are as large as the crops, or smaller.
        """
        if self.layout.cropped_px is not None and not self.allow_upscale:
            refuse_cropped(self.owner, height, width, self.layout.cropped_px)

    def refuse_map(self, scores: "Tensor") -> "Tensor":
        """Return the scores of a view; refuse maps, which move and turn with the view.

        Raises:
            ValueError: They are not of shape (B,) or (B, K).
        """
        if scores.ndim > _SCORES_NDIM:
            condition, remedy = "be of shape (B, K)", f"Maps of crops lie over other pixels: remove {self.owner}."
            raise ValueError(message(self.owner, "scores", condition, tuple(scores.shape), remedy))
        return scores

    def describe(self) -> str:
        """Say which views there are of a square image."""
        num_views, num_distinct = self.layout.num_views, self.layout.num_distinct
        return f"{num_views} views of layout {self.layout.name!r}, {num_distinct} distinct of a square image"
