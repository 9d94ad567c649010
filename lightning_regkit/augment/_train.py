"""The training crops of the papers, each a function that returns a ``Compose`` of albumentations."""

from typing import Final, Literal

import cv2

from lightning_regkit._checks import non_negative_int, one_of, positive_int
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._crops import InceptionCrop, ResNetCrop
from lightning_regkit.augment._draws import check_inception, check_resnet

__all__ = ["cifar_train", "inception_train", "resnet_train"]

CIFAR: Final = "augment.cifar_train"
INCEPTION: Final = "augment.inception_train"
PADDINGS: Final = {"reflect": cv2.BORDER_REFLECT_101, "zero": cv2.BORDER_CONSTANT}


def resnet_train(crop_px: int = 224, *, resize_px: tuple[int, int] = (256, 480)) -> A.Compose:
    """Resize the shorter side to a random length, cut a square somewhere, mirror half of the images.

    Args:
        crop_px: Side of the square in pixels, from 1 to the smallest shorter side.
        resize_px: Smallest and largest shorter side in pixels, uniform over the integers between, ends included.

    Returns:
        A policy for images of any size and number of channels; its place is that of :func:`draw_resnet_crop`.

    Raises:
        TypeError: A number is no integer, or ``resize_px`` no tuple of two.
        ValueError: A number is below 1, the ends are not in order, or the crop does not fit.

    Example:
        >>> import numpy as np
        >>> resnet_train()(image=np.zeros((375, 500, 3), dtype=np.uint8))["image"].shape
        (224, 224, 3)

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.4.

    Differs from the paper:
        Its color augmentation is :class:`Lighting`: ``A.Compose([resnet_train(), Lighting()])``.
    """
    check_resnet("augment.resnet_train", resize_px, crop_px)
    return A.Compose([ResNetCrop(resize_px, crop_px), A.HorizontalFlip(p=0.5)])


def inception_train(
    crop_px: int = 224,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> A.Compose:
    """Resize a rectangle of random area and aspect to a square, mirror half of the images.

    Args:
        crop_px: Side of the square in pixels, >= 1.
        area: Smallest and largest area of the rectangle as a share of the image, in (0, 1].
        aspect: Smallest and largest width / height, above 0.

    Returns:
        A policy for images of any size and number of channels; its place is that of :func:`draw_inception_crop`, the
        law of torchvision's ``RandomResizedCrop``.

    Raises:
        TypeError: A number is of the wrong kind, or a range no tuple of two.
        ValueError: A number is out of range, or the ends are not in order.

    Example:
        >>> import numpy as np
        >>> inception_train(96)(image=np.zeros((375, 500, 3), dtype=np.uint8))["image"].shape
        (96, 96, 3)

    Reference:
        Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6.

    Differs from the paper:
        Without its photometric distortions; see :func:`color_simple`.
    """
    positive_int(INCEPTION, "crop_px", crop_px)
    check_inception(INCEPTION, area, aspect)
    return A.Compose([InceptionCrop(size=(crop_px, crop_px), scale=area, ratio=aspect), A.HorizontalFlip(p=0.5)])


def cifar_train(crop_px: int = 32, *, pad_px: int = 4, padding: Literal["zero", "reflect"] = "zero") -> A.Compose:
    """Pad every side, cut a square somewhere, mirror half of the images.

    Args:
        crop_px: Side of the square in pixels, from 1 to the padded shorter side.
        pad_px: Pixels added on each side, >= 0.
        padding: What is added: ``"zero"``, which is black, or ``"reflect"``, the reflection without the edge itself.

    Returns:
        A policy for images of any number of channels.

    Raises:
        TypeError: A number is no integer.
        ValueError: A number is out of range, or ``padding`` another word.

    Example:
        >>> import numpy as np
        >>> cifar_train()(image=np.zeros((32, 32, 3), dtype=np.uint8))["image"].shape
        (32, 32, 3)

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2; reflected: Zagoruyko and
        Komodakis, "Wide Residual Networks", BMVC 2016, section 3.

    Differs from the paper:
        There zero is the mean color, for the mean is subtracted before padding.
    """
    positive_int(CIFAR, "crop_px", crop_px)
    non_negative_int(CIFAR, "pad_px", pad_px)
    border = PADDINGS[one_of(CIFAR, "padding", padding, PADDINGS)]
    pad = A.Pad(pad_px, border_mode=border, p=1.0)
    return A.Compose([pad, A.RandomCrop(crop_px, crop_px), A.HorizontalFlip(p=0.5)])
