"""torchvision's transforms among those of albumentations."""

from collections.abc import Callable
from typing import Any, Final, final

import numpy as np
import torch
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._foreign import Foreign
from lightning_regkit.augment._images import Pixels

__all__ = ["from_torchvision"]

OWNER: Final = "augment.from_torchvision"


@final
class FromTorchvision(Foreign):
    """Calls a transform of tensors (C, H, W)."""

    def __init__(self, transform: Callable[[Any], Any], p: float = 1.0) -> None:
        super().__init__(OWNER, transform, p)

    @override
    def convert(self, image: Pixels) -> torch.Tensor:
        return torch.from_numpy(np.require(np.atleast_3d(image), requirements=["C", "W"])).permute(2, 0, 1)


def from_torchvision(transform: Callable[[Any], Any], *, p: float = 1.0) -> A.ImageOnlyTransform:
    """Use a transform of torchvision in a ``Compose``: AutoAugment, RandAugment, TrivialAugment and all others.

    It is given a tensor (C, H, W) of the dtype of the image. What it draws from the process-wide generators of torch,
    Python and NumPy comes from the generator of the ``Compose``, so it is keyed by :class:`Keyed`; afterwards those
    three are as they were.

    Args:
        transform: From ``torchvision.transforms.v2``, or any function of a tensor (C, H, W) that returns another, or
            a PIL image.
        p: Share of the images that are changed.

    Returns:
        A transform of images alone; masks, boxes and key points beside them are refused.

    Raises:
        TypeError: ``transform`` cannot be called; or in use, it returns no image.
        ValueError: In use, other targets come with the image.

    Example:
        >>> from torchvision.transforms import v2
        >>> augment = from_torchvision(v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10))
        >>> augment(image=np.zeros((32, 32, 3), dtype=np.uint8))["image"].shape
        (32, 32, 3)

    Reference:
        Cubuk et al., "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019; Cubuk et al., "RandAugment:
        Practical Automated Data Augmentation with a Reduced Search Space", 2020; Müller and Hutter, "TrivialAugment:
        Tuning-free Yet State-of-the-Art Data Augmentation", ICCV 2021.
    """
    if not callable(transform):
        raise TypeError(message(OWNER, "transform", "be a transform of torchvision", transform))
    return FromTorchvision(transform, p)
