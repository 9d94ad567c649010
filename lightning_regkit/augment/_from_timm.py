"""timm's transforms among those of albumentations."""

from collections.abc import Callable
from typing import Any, Final, final

import numpy as np
from PIL import Image
from timm.data.auto_augment import (
    AugMixAugment,
    AutoAugment,
    RandAugment,
    augment_and_mix_transform,
    auto_augment_transform,
    posterize,
    rand_augment_transform,
)
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._foreign import Foreign
from lightning_regkit.augment._images import Pixels

__all__ = ["from_timm"]

OWNER: Final = "augment.from_timm"
BUILDERS: Final = {"augmix": augment_and_mix_transform, "rand": rand_augment_transform}
#: What timm's training passes for images of 224 pixels, and for AugMix in addition.
HPARAMS: Final = {"translate_const": 100, "img_mean": (124, 116, 104)}
AUGMIX_HPARAMS: Final = {"translate_pct": 0.3}


@final
class FromTimm(Foreign):
    """Calls a transform of PIL images."""

    def __init__(self, transform: Callable[[Any], Any], p: float = 1.0) -> None:
        super().__init__(OWNER, transform, p)

    @override
    def convert(self, image: Pixels) -> Image.Image:
        if image.dtype != np.uint8:
            raise TypeError(message(OWNER, "image", "be uint8", str(image.dtype), "timm takes PIL images."))
        return Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image)


def from_timm(
    transform: str | Callable[[Any], Any], *, hparams: dict[str, Any] | None = None, p: float = 1.0
) -> A.ImageOnlyTransform:
    """Use an augmentation of timm in a ``Compose``: AutoAugment, RandAugment, AugMix, or any transform of PIL images.

    What it draws from the process-wide generators comes from the generator of the ``Compose``, so it is keyed by
    :class:`Keyed`; afterwards those are as they were.

    Args:
        transform: As timm writes it, ``"rand-m9-mstd0.5-inc1"``, ``"original"``, ``"augmix-m3-w3"``; or a transform.
            Before timm 1.0.30 AugMix wants square images.
        hparams: Settings of timm, for a text only, on top of those of its training on 224 pixels: ``translate_const``
            100 pixels, for AugMix ``translate_pct`` 0.3, and the color ``img_mean`` (124, 116, 104) outside the image.
        p: Share of the images that are changed.

    Returns:
        A transform of uint8 images alone; masks, boxes and key points beside them are refused.

    Raises:
        TypeError: ``transform`` is neither text nor can be called; or in use, the image is not uint8.
        ValueError: timm does not know the text; or in use, other targets come with the image.

    Example:
        >>> augment = from_timm("rand-m9-mstd0.5-inc1")
        >>> augment(image=np.zeros((32, 32, 3), dtype=np.uint8))["image"].shape
        (32, 32, 3)

    Reference:
        Wightman, Touvron and Jégou, "ResNet Strikes Back: An Improved Training Procedure in timm", 2021.
    """
    if isinstance(transform, str):
        return FromTimm(_built(transform, hparams or {}), p)
    if not callable(transform):
        raise TypeError(message(OWNER, "transform", "be a text such as 'rand-m9-mstd0.5' or a transform", transform))
    return FromTimm(transform, p)


def _built(text: str, hparams: dict[str, Any]) -> AutoAugment | RandAugment | AugMixAugment:
    kind = text.split("-", maxsplit=1)[0]
    defaults = HPARAMS | (AUGMIX_HPARAMS if kind == "augmix" else {})
    try:
        transform: AutoAugment | RandAugment | AugMixAugment
        transform = BUILDERS.get(kind, auto_augment_transform)(text, defaults | hparams)
    except (AssertionError, ValueError) as error:
        condition = "be a policy of timm such as 'rand-m9-mstd0.5', 'original' or 'augmix-m3'"
        raise ValueError(message(OWNER, "transform", condition, text)) from error
    policy = transform.policy if isinstance(transform, AutoAugment) else [transform.ops]
    for op in (op for ops in policy for op in ops):
        if op.aug_fn is posterize:
            op.aug_fn = _posterize
    return transform


def _posterize(image: Image.Image, bits_to_keep: int, **_: object) -> Image.Image:
    """Timm's own, but for 0 bits: they make an image black, and newer releases of Pillow refuse them."""
    if bits_to_keep == 0:
        return Image.new(image.mode, image.size)
    posterized: Image.Image = posterize(image, bits_to_keep)
    return posterized
