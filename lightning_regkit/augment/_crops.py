"""The crops of the policies as transforms of albumentations; where they lie is drawn by pure functions."""

from abc import ABC, abstractmethod
from typing import Any, final

import cv2
import numpy as np
from typing_extensions import override

from lightning_regkit.augment._albumentations import Targets, cropping, geometric
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._draws import draw_inception_crop, draw_resnet_crop
from lightning_regkit.augment._images import Pixels
from lightning_regkit.augment._resize import resize
from lightning_regkit.augment._scaled_box import ScaledBox, centered, shrunk

__all__ = ["CenterCrop", "InceptionCrop", "ResNetCrop", "Shrink"]


class ScaledCrop(A.DualTransform, ABC):
    """Resize the whole image, then cut; masks by nearest pixels."""

    _targets = (Targets.IMAGE, Targets.MASK, Targets.BBOXES, Targets.KEYPOINTS)

    @abstractmethod
    def place(self, height: int, width: int) -> ScaledBox:
        """Return what to cut of an image of ``height`` x ``width``."""

    @override
    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        return {"place": self.place(*params["shape"][:2])}

    @override
    def apply(self, img: Pixels, place: ScaledBox, **params: Any) -> Pixels:
        return cropping.crop(resize(img, place.resized_px), *_corners(place))

    @override
    def apply_to_mask(self, mask: Pixels, place: ScaledBox, **params: Any) -> Pixels:
        return cropping.crop(geometric.resize(mask, place.resized_px, cv2.INTER_NEAREST_EXACT), *_corners(place))

    @override
    def apply_to_bboxes(self, bboxes: Pixels, place: ScaledBox, **params: Any) -> Pixels:
        return cropping.crop_bboxes_by_coords(bboxes, _corners(place), place.resized_px)

    @override
    def apply_to_keypoints(self, keypoints: Pixels, place: ScaledBox, **params: Any) -> Pixels:
        down, right = (after / before for before, after in zip(place.image_px, place.resized_px, strict=True))
        return cropping.crop_keypoints_by_coords(geometric.keypoints_scale(keypoints, right, down), _corners(place))


@final
class ResNetCrop(ScaledCrop):
    """The place that :func:`draw_resnet_crop` draws."""

    def __init__(self, resize_px: tuple[int, int], crop_px: int, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.resize_px, self.crop_px = resize_px, crop_px

    @override
    def place(self, height: int, width: int) -> ScaledBox:
        generator = self.random_generator
        return draw_resnet_crop(height, width, generator=generator, resize_px=self.resize_px, crop_px=self.crop_px)


@final
class CenterCrop(ScaledCrop):
    """The center."""

    def __init__(self, resize_px: int, crop_px: int, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.resize_px, self.crop_px = resize_px, crop_px

    @override
    def place(self, height: int, width: int) -> ScaledBox:
        return centered(height, width, resize_px=self.resize_px, crop_px=self.crop_px)


@final
class Shrink(ScaledCrop):
    """The whole of it, made smaller where it is larger."""

    def __init__(self, resize_px: int, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.resize_px = resize_px

    @override
    def place(self, height: int, width: int) -> ScaledBox:
        return shrunk(height, width, resize_px=self.resize_px)


@final
class InceptionCrop(A.RandomResizedCrop):
    """The box that :func:`draw_inception_crop` draws, resized like everything else here."""

    @override
    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        generator = self.random_generator
        box = draw_inception_crop(*params["shape"][:2], generator=generator, area=self.scale, aspect=self.ratio)
        return {"crop_coords": (box.left, box.top, box.left + box.width, box.top + box.height)}

    @override
    def apply(self, img: Pixels, crop_coords: tuple[int, int, int, int], **params: Any) -> Pixels:
        return resize(cropping.crop(img, *crop_coords), self.size)

    @override
    def apply_to_images(self, images: Pixels, crop_coords: tuple[int, int, int, int], **params: Any) -> Pixels:
        return np.stack([self.apply(image, crop_coords) for image in images])


def _corners(place: ScaledBox) -> tuple[int, int, int, int]:
    box = place.box
    return box.left, box.top, box.left + box.width, box.top + box.height
