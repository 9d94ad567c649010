"""PCA color noise: light of another intensity and color."""

from typing import Any, Final, final

import cv2
import numpy as np
from typing_extensions import override

from lightning_regkit._checks import message, non_negative_float
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._color_axes import ColorAxes, Floats
from lightning_regkit.augment._images import Pixels, check_rgb

__all__ = ["Lighting"]

IMAGENET: Final = ColorAxes()
LEVELS: Final = 256


@final
class Lighting(A.ImageOnlyTransform):
    """Add one color to all pixels of an image, along the axes in which the data set's colors vary.

    The color is the sum over k of alpha_k eigenvalue_k eigenvector_k, with alpha_k normal: of an image with values in
    [0, 1] in its units, of one with values up to 255 in 255 of them, rounded. Its covariance is
    alpha_std² V diag(eigenvalue²) Vᵀ.

    Args:
        axes: Eigenvalues and eigenvectors of the data set, as :func:`fit_lighting` measures them; None for ImageNet's.
        alpha_std: Standard deviation of each alpha, >= 0.
        p: Share of the images that are changed.

    Returns:
        A transform of RGB images, uint8 or float32 in [0, 1], before normalization; what leaves the range is cut off.

    Raises:
        TypeError: ``axes`` are no ``ColorAxes``, or ``alpha_std`` is no number; or, of an image, its dtype is another.
        ValueError: ``alpha_std`` is negative; or an image is gray or not in [0, 1].

    Example:
        >>> gray = np.full((2, 2, 3), 128, dtype=np.uint8)
        >>> len(np.unique(Lighting()(image=gray)["image"].reshape(-1, 3), axis=0))
        1

    Reference:
        Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
        section 4.1.

    Differs from the paper:
        In nothing but the cut at the range. albumentations' ``FancyPCA`` takes the axes of each image instead.
    """

    def __init__(self, axes: ColorAxes | None = None, *, alpha_std: float = 0.1, p: float = 1.0) -> None:
        super().__init__(p=p)
        axes = IMAGENET if axes is None else axes
        if not isinstance(axes, ColorAxes):
            remedy = "Write Lighting(augment.fit_lighting(folder)), or ColorAxes(eigenvalues, eigenvectors)."
            raise TypeError(message("Lighting", "axes", "be ColorAxes", axes, remedy))
        self.axes, self.alpha_std = axes, non_negative_float("Lighting", "alpha_std", alpha_std)

    @override
    def get_params(self) -> dict[str, Any]:
        return {"offset": self.axes.offset(self.random_generator.normal(0, self.alpha_std, 3))}

    @override
    def apply(self, img: Pixels, offset: Floats, **params: Any) -> Pixels:
        check_rgb("Lighting", img)
        if img.dtype == np.uint8:
            levels = np.arange(LEVELS)[:, None] + offset * (LEVELS - 1)  # (256, 3)
            return cv2.LUT(img, np.rint(levels).clip(0, LEVELS - 1).astype(np.uint8)[None])
        return (img + offset.astype(np.float32)).clip(0, 1)
