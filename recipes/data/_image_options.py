"""What becomes of the images of a folder, in training and in evaluation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, final, get_args

import numpy as np

import lightning_regkit as rk
from recipes.data._regions import Region

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "ImageOptions", "Triple"]

Triple: TypeAlias = tuple[float, float, float]
Law: TypeAlias = Literal["resnet", "inception"]
View: TypeAlias = Literal["center", "whole"]

OWNER: Final = "ImageOptions"
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


@final
@dataclass(frozen=True)
class ImageOptions:
    """What becomes of images: the crop and noise of training, the view at test, the scale of the numbers.

    Args:
        crop_px: Side of the square that a network gets, in pixels, >= 1.
        law: Where training crops lie: ``"resnet"`` is ``rk.augment.draw_resnet_crop``, ``"inception"``
            ``rk.augment.draw_inception_crop``. Half of the crops are mirrored.
        resize_px: Smallest and largest shorter side of ``"resnet"``, in pixels.
        area: Smallest and largest share of the image of ``"inception"``.
        transform: What else happens to a training crop, of albumentations; None for nothing.
        exact: Whether training crops are resized with antialiasing, as those of evaluation always are.
        test: What test and predict get: ``"center"``, or ``"whole"`` for lists of images as they are, which
            ``MultiCrop`` cuts. Validation gets the center.
        test_resize_px: Shorter side of what the center is cut from, in pixels, >= ``crop_px``.
        mean: Of red, green and blue in [0, 1]: what becomes 0.
        std: Of red, green and blue, above 0: what becomes 1.

    Raises:
        TypeError: ``transform`` is not of albumentations, or a number is no integer.
        ValueError: A number is out of range, or a word is unknown.

    Example:
        >>> options = ImageOptions(crop_px=64, resize_px=(73, 137), test_resize_px=73)
        >>> options.central_region((146, 200))
        (8.0, 36.0, 128.0, 128.0)
    """

    crop_px: int = 224
    law: Law = "resnet"
    resize_px: tuple[int, int] = (256, 480)
    area: tuple[float, float] = (0.08, 1.0)
    transform: Callable[..., Any] | None = None
    exact: bool = False
    test: View = "center"
    test_resize_px: int = 256
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD

    def __post_init__(self) -> None:
        for name, words in (("law", get_args(Law)), ("test", get_args(View))):
            if (word := vars(self)[name]) not in words:
                raise ValueError(f"{OWNER}: {name} must be one of {', '.join(sorted(words))}, got {word!r}.")
        if not 1 <= self.crop_px <= self.test_resize_px:
            condition = f"be from 1 to test_resize_px, {self.test_resize_px}"
            raise ValueError(f"{OWNER}: crop_px must {condition}, got {self.crop_px!r}.")
        if min(self.std) <= 0:
            raise ValueError(f"{OWNER}: std must be above 0, got {self.std!r}.")
        if self.transform is not None:
            rk.augment.Keyed([], self.transform)  # type: ignore[arg-type]  # it refuses what is not of albumentations
        self.training_region((1, 1), np.random.default_rng(0))  # which refuses what is out of range

    def training_region(self, size_px: tuple[int, int], generator: np.random.Generator) -> Region:
        """Draw the part of an image that a training crop shows.

        Args:
            size_px: (H, W) of the image.
            generator: Source of all randomness.

        Returns:
            Top, left, height and width in pixels of the image, inside it.
        """
        if self.law == "inception":
            box = rk.augment.draw_inception_crop(*size_px, generator=generator, area=self.area)
            return box.top, box.left, box.height, box.width
        draw = rk.augment.draw_resnet_crop(
            *size_px, generator=generator, resize_px=self.resize_px, crop_px=self.crop_px
        )
        return draw.source

    def central_region(self, size_px: tuple[int, int]) -> Region:
        """Find the part of an image that an evaluation crop shows.

        Args:
            size_px: (H, W) of the image.

        Returns:
            Top, left, height and width in pixels of the image: the geometry of torchvision's ``Resize`` and
            ``CenterCrop``.
        """
        resized = rk.crops.shorter_side_to(*size_px, self.test_resize_px)
        top, left = (round((length - self.crop_px) / 2) for length in resized)
        return rk.augment.ScaledBox(size_px, resized, rk.augment.Box(top, left, self.crop_px, self.crop_px)).source
