"""What becomes of the images of Fashion-MNIST."""

from dataclasses import dataclass
from typing import Final, final

from recipes.data._idx import SIDE_PX

__all__ = ["SHIFT_PX", "FashionMNISTOptions"]

SIDES_PX: Final = (SIDE_PX, 32)
SHIFT_PX: Final = 2


@final
@dataclass(frozen=True)
class FashionMNISTOptions:
    """What becomes of the images.

    Args:
        side_px: 28, or 32 with a black frame of two pixels.
        augment: Whether training images are shifted by up to two pixels and mirrored at random.

    Raises:
        ValueError: ``side_px`` is neither.

    Example:
        >>> FashionMNISTOptions(augment=True).side_px
        28
    """

    side_px: int = 28
    augment: bool = False

    def __post_init__(self) -> None:
        if self.side_px not in SIDES_PX:
            raise ValueError(f"FashionMNISTOptions: side_px must be one of 28, 32, got {self.side_px!r}.")
