"""How the images of CIFAR are divided and augmented."""

from dataclasses import dataclass
from typing import final

from recipes.data._cifar_files import NUM_IMAGES
from recipes.data._refusals import refuse_below

__all__ = ["CIFAROptions"]


@final
@dataclass(frozen=True)
class CIFAROptions:
    """How the images are divided and augmented.

    Args:
        val_size: Training images that are kept for validation, each class in its share; 0 for none.
        split_seed: Which they are, >= 0.
        augment: Whether training images are padded by 4 pixels, cropped and mirrored at random.
        seed: Of order and augmentation, >= 0; None for that of ``seed_everything``, else 0.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> CIFAROptions(val_size=0).augment
        True
    """

    val_size: int = 5000
    split_seed: int = 0
    augment: bool = True
    seed: int | None = None

    def __post_init__(self) -> None:
        largest = NUM_IMAGES["train"] - 1
        if not 0 <= self.val_size <= largest:
            raise ValueError(f"CIFAROptions: val_size must be from 0 to {largest:,}, got {self.val_size!r}.")
        for name in ("split_seed", "seed"):
            if (value := vars(self)[name]) is not None:
                refuse_below("CIFAROptions", name, value, 0)
