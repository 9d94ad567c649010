"""The test protocols of ResNet over five scales."""

from collections.abc import Sequence
from typing import Final

from lightning_regkit.crops._corners import ten
from lightning_regkit.crops._view import View
from lightning_regkit.crops._whole import flip

__all__ = ["multiscale_50", "multiscale_fcn"]

CROP_PX: Final = 224
SCALES_PX: Final = (224, 256, 384, 480, 640)


def multiscale_50(
    height: int, width: int, *, resize_px: Sequence[int] = SCALES_PX, crop_px: int = CROP_PX
) -> tuple[View, ...]:
    """Ten crops at each of five scales.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter sides the image is resized to.
        crop_px: Side of the square crops, from 1 to the shorter side after resizing.

    Returns:
        Views of :func:`ten`, scale by scale: 50, of which 42 differ for a square image, 46 for most others.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is below 1, or the crop is larger than the resized image.

    Example:
        >>> len(multiscale_50(375, 500)), len(set(multiscale_50(375, 500))), len(set(multiscale_50(500, 500)))
        (50, 46, 42)

    Reference:
        Stanford CS231n, 2017, lecture "Training Neural Networks, Part II", of He et al., "Deep Residual Learning for
        Image Recognition", CVPR 2016.

    Differs from the paper:
        The paper's figures over scales (Table 4; 20.74 % for ResNet-50) are of :func:`multiscale_fcn`, not of crops.
    """
    return ten(height, width, resize_px=resize_px, crop_px=crop_px)


def multiscale_fcn(height: int, width: int, *, resize_px: Sequence[int] = SCALES_PX) -> tuple[View, ...]:
    """The whole image and its reflection at each of five scales, for models that take any size.

    Args:
        height: H of the image in pixels, >= 1.
        width: W in pixels, >= 1.
        resize_px: Shorter sides the image is resized to.

    Returns:
        Two views for every scale: 10. The model averages over positions itself.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is below 1.

    Example:
        >>> [view.size_px for view in multiscale_fcn(375, 500)[::2]]
        [(224, 298), (256, 341), (384, 512), (480, 640), (640, 853)]

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.4 and Table 4.

    Differs from the paper:
        A global average pool before the last layer makes the mean of logits over positions; reflections are those of
        Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, section
        3.2.
    """
    return flip(height, width, resize_px=resize_px)
